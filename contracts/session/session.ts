import { z } from 'zod';
import { usageSchema, runStatusSchema } from './run.ts';
import { policySchema } from '../agent.ts';
import { childWorkflowSchema } from './children.ts';
import { waitKindSchema } from '../provider.ts';
import { sessionStateSchema } from './state.ts';
import { costFields } from '../usage.ts';

/** Status of a session. A message reopens a `failed`, `expired` or `archived` session; a `completed` one accepts none. `deleted` occurs only in results. */
export const sessionStatusSchema = z.enum(['active', 'completed', 'failed', 'expired', 'archived', 'deleted']);
export type SessionStatus = z.infer<typeof sessionStatusSchema>;

/** What a session waits for. Times are ISO 8601 UTC. */
export const waitingForSchema = z.object({
  /** `rate_limit`, `circuit`, `cool_down`: the run waits until it may call its provider (docs/providers.md). */
  what: z.enum(['message', 'worker', 'model', 'tool', ...waitKindSchema.options, 'nothing']),
  since: z.string(),
  /** Who can unblock it, such as `the user`, `a worker` or a tool's name. */
  who: z.string(),
  /** When the wait ends at the latest; null when unknown. */
  until: z.string().nullable(),
});
export type WaitingFor = z.infer<typeof waitingForSchema>;

/** A session. Times are ISO 8601 UTC. */
export const sessionRecordSchema = z.object({
  id: z.string(),
  user: z.string(),
  status: sessionStatusSchema,
  agent: z.string(),
  metadata: z.record(z.string(), z.json()),
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
  ...costFields,
});
export type SessionRecord = z.infer<typeof sessionRecordSchema>;

/** Response of `GET /v1/sessions/{id}`. */
export const sessionSnapshotSchema = sessionRecordSchema.extend({
  /** Ids of the queued runs, in the order of execution. */
  queue: z.array(z.string()),
  /** The running run; null when none is. */
  currentRun: z
    .object({ id: z.string(), status: runStatusSchema, steps: z.number().int(), startedAt: z.string().nullable() })
    .nullable(),
  waitingFor: waitingForSchema,
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
