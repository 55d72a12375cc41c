import { recordedCountsSchema } from './recorded-counts.ts';
import { z } from 'zod';
import { jsonObjectSchema } from '../json-schema.ts';
import { knownUsageFields, usageSchema, runStatusSchema } from './run.ts';
import { policySchema } from '../agent.ts';
import { childWorkflowSchema } from './children.ts';
import { inboxItemSchema } from './inbox-item.ts';
import { waitKindSchema } from '../provider.ts';
import { sessionStateSchema } from './state.ts';
import { costFields } from '../usage.ts';

/** Status of a session. A message reopens a `failed`, `expired` or `archived` session; a `completed` one accepts none. `deleted` occurs only in results. */
export const sessionStatusSchema = z.enum(['active', 'completed', 'failed', 'expired', 'archived', 'deleted']);
export type SessionStatus = z.infer<typeof sessionStatusSchema>;

/** How a session was recovered: the `reason` of an event `session.recovered`. */
export const recoveryReasonSchema = z.enum(['reopened', 'restored', 'imported', 'workflow_lost', 'store_restored']);
export type RecoveryReason = z.infer<typeof recoveryReasonSchema>;

/** What a session waits for. Times are ISO 8601 UTC. */
export const waitingForSchema = z.object({
  /** `approval`: somebody may approve a tool call. `client`: a client makes a call. `context`: a context provider. `rate_limit`, `circuit`, `cool_down`: the run waits until it may call its provider (docs/providers.md). `paused`: an operator has paused it (docs/fleet.md). */
  what: z.enum([
    'message',
    'worker',
    'model',
    'tool',
    'approval',
    'client',
    'context',
    ...waitKindSchema.options,
    'paused',
    'nothing',
  ]),
  since: z.string(),
  /** Who can unblock it, such as `the user`, `a worker` or a tool's name. */
  who: z.string(),
  /** When the wait ends at the latest; null when unknown. */
  until: z.string().nullable(),
});
export type WaitingFor = z.infer<typeof waitingForSchema>;

/** A failed attempt of a model call that is being retried. */
export const retrySchema = z.object({
  step: z.number().int(),
  /** The attempt that failed. */
  attempt: z.number().int(),
  /** The error code; `lost` when its worker stopped responding. */
  code: z.string(),
  /** When the next attempt begins; null when it may begin at any time. */
  retryAt: z.string().nullable(),
});
export type Retry = z.infer<typeof retrySchema>;

/** A session. Times are ISO 8601 UTC. */
export const sessionRecordSchema = z.object({
  id: z.string(),
  user: z.string(),
  status: sessionStatusSchema,
  agent: z.string(),
  metadata: jsonObjectSchema,
  /** One object per namespace. */
  state: sessionStateSchema,
  policy: policySchema,
  createdAt: z.string(),
  updatedAt: z.string(),
  lastActiveAt: z.string(),
  /** When the session was created or last reopened. `maxAgeMs` counts from here. */
  openedAt: z.string(),
  endReason: z.string().nullable(),
  /** `seq` of the newest event; 0 before the first. */
  head: z.number().int(),
  /** Number of admitted messages. */
  messages: z.number().int(),
  /** Number of runs. */
  runs: z.number().int(),
  /** Number of run ends as failed. A resumed run may count more than once. */
  errors: z.number().int(),
  /** Number of run ends. A resumed run may count more than once. */
  endedRuns: z.number().int(),
  /** Share of errors in ended runs: 0 to 1; null before the first end. */
  errorRate: z.number().nullable(),
  /** Mean time from start to end, of runs that were not resumed; null before the first. */
  meanMs: z.number().nullable(),
  usage: usageSchema,
  ...knownUsageFields,
  ...costFields,
  /** What the application has recorded on the session; absent without records. */
  recorded: recordedCountsSchema.optional(),
});
export type SessionRecord = z.infer<typeof sessionRecordSchema>;

/** Response of `GET /v1/sessions/{id}`. */
export const sessionSnapshotSchema = sessionRecordSchema.extend({
  /** Ids of the queued runs, in the order of execution. */
  queue: z.array(z.string()),
  /** The running run, otherwise one that waits for an answer; null when there is none. */
  currentRun: z
    .object({
      id: z.string(),
      status: runStatusSchema,
      steps: z.number().int(),
      startedAt: z.string().nullable(),
      /** Null unless a failed model call is being retried. Absent from older gateways. */
      retry: retrySchema.nullable().optional(),
    })
    .nullable(),
  waitingFor: waitingForSchema,
  /** The approvals that wait, the oldest first. Absent from older gateways. */
  approvals: z.array(inboxItemSchema).optional(),
  /** The client calls that wait, the oldest first. Absent from older gateways. */
  clientCalls: z.array(inboxItemSchema).optional(),
  /** When the session expires without further activity; null when it is not active. */
  expiresAt: z.string().nullable(),
  /** Running workflows that its tools have started, newest first; null when Temporal is not reachable. */
  children: z.array(childWorkflowSchema).nullable(),
});
export type SessionSnapshot = z.infer<typeof sessionSnapshotSchema>;

/** The result of the query `session`: the state that the workflow holds. */
export interface ControlSnapshot {
  readonly status: SessionStatus;
  readonly agent: string | null;
  /** Ids of the queued runs. */
  readonly queue: readonly string[];
  /** Id of the current run; null when none is running. */
  readonly currentRun: string | null;
  /** Number of runs that ended since the session was opened, over all executions. */
  readonly runsEnded: number;
  /** How often the session continued as new. */
  readonly continuedAsNew: number;
}
