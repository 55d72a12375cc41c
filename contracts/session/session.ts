import { z } from 'zod';
import { usageSchema, runStatusSchema } from './run.ts';
import { policySchema } from '../agent.ts';
import { childWorkflowSchema } from './children.ts';
import { waitKindSchema } from '../provider.ts';
import { sessionStateSchema } from './state.ts';
import { costFields } from '../usage.ts';

export const sessionStatusSchema = z.enum(['active', 'completed', 'failed', 'expired', 'archived', 'deleted']);
export type SessionStatus = z.infer<typeof sessionStatusSchema>;

/** What a session waits for, since when, who can unblock it, until when. */
export const waitingForSchema = z.object({
  /** `rate_limit`, `circuit`, `cool_down`: for leave to call its provider (docs/providers.md). */
  what: z.enum(['message', 'worker', 'model', 'tool', ...waitKindSchema.options, 'nothing']),
  since: z.string(),
  who: z.string(),
  until: z.string().nullable(),
});
export type WaitingFor = z.infer<typeof waitingForSchema>;

/** A session as its row in the store says. Times are ISO 8601 UTC. */
export const sessionRecordSchema = z.object({
  id: z.string(),
  user: z.string(),
  status: sessionStatusSchema,
  agent: z.string(),
  metadata: z.record(z.string(), z.json()),
  /** An object of its own for each namespace. */
  state: sessionStateSchema,
  policy: policySchema,
  createdAt: z.string(),
  updatedAt: z.string(),
  lastActiveAt: z.string(),
  /** When it was created, or reopened since: its maximum age counts from here. */
  openedAt: z.string(),
  endReason: z.string().nullable(),
  /** The `seq` of the newest event; 0 before the first. */
  head: z.number().int(),
  messages: z.number().int(),
  runs: z.number().int(),
  /** Runs that failed, each time they did. */
  errors: z.number().int(),
  /** Runs that ended, each time they did. */
  endedRuns: z.number().int(),
  /** Errors of ended runs, 0 to 1; null before the first end. */
  errorRate: z.number().nullable(),
  /** From a run's start to its end, on average, of runs that were not resumed; null before the first. */
  meanMs: z.number().nullable(),
  usage: usageSchema,
  ...costFields,
});
export type SessionRecord = z.infer<typeof sessionRecordSchema>;

/** `GET /v1/sessions/{id}`. */
export const sessionSnapshotSchema = sessionRecordSchema.extend({
  /** Ids of the runs that wait, in the order in which they will go. */
  queue: z.array(z.string()),
  currentRun: z
    .object({ id: z.string(), status: runStatusSchema, steps: z.number().int(), startedAt: z.string().nullable() })
    .nullable(),
  waitingFor: waitingForSchema,
  /** When it expires if nothing happens in it; null for one that is not active. */
  expiresAt: z.string().nullable(),
  /** Workflows that its tools have started and that run, newest first; null when Temporal cannot be asked. */
  children: z.array(childWorkflowSchema).nullable(),
});
export type SessionSnapshot = z.infer<typeof sessionSnapshotSchema>;

/** What the query `session` answers: the small state that the workflow holds. */
export interface ControlSnapshot {
  readonly status: SessionStatus;
  readonly agent: string | null;
  /** Ids of the runs that wait. */
  readonly queue: readonly string[];
  readonly currentRun: string | null;
  /** Runs ended in this session since it was opened, over all executions. */
  readonly runsEnded: number;
  /** Times this session continued as new. */
  readonly continuedAsNew: number;
}
