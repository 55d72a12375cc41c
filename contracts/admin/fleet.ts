import { z } from 'zod';
import { listedRunSchema } from '../session/run.ts';

/** A worker that takes work or is ending it. Times are ISO 8601 UTC. */
export const fleetWorkerSchema = z.object({
  id: z.string(),
  version: z.string(),
  startedAt: z.string(),
  /** Whether it takes no more work. */
  draining: z.boolean(),
  /** Runs that it has begun since it started; null from a worker of an earlier version. */
  begunRuns: z.number().int().nullable(),
});

/** The state of all users' sessions and runs, from which two readings give the rates. Times are ISO 8601 UTC. */
export const fleetTotalsSchema = z.object({
  at: z.string(),
  sessions: z.object({
    active: z.number().int(),
    /** Those that a worker is serving: a conversation is in progress. */
    served: z.number().int(),
  }),
  runs: z.object({
    queued: z.number().int(),
    running: z.number().int(),
    /** For an answer. */
    waiting: z.number().int(),
    /** Age of the oldest queued run of a session in which no run is running, in ms; 0 without one. */
    oldestQueuedMs: z.number(),
  }),
  /** Since midnight UTC. */
  today: z.object({
    modelCalls: z.number().int(),
    failedModelCalls: z.number().int(),
    /** Runs that were admitted today and have failed. */
    failedRuns: z.number().int(),
    /** Known tokens, input and output. */
    inputTokens: z.number(),
    outputTokens: z.number(),
    /** Known cost. */
    costUsd: z.number(),
    /** Model calls with an unknown cost. */
    unpricedCalls: z.number().int(),
  }),
  workers: z.array(fleetWorkerSchema),
  /** Ids of what operators have paused. */
  pauses: z.array(z.string()),
});
export type FleetTotals = z.infer<typeof fleetTotalsSchema>;

/** Response of `GET /v1/fleet`: the totals, and the open runs that come first in the order asked for. */
export const fleetSchema = fleetTotalsSchema.extend({ top: z.array(listedRunSchema) });
export type Fleet = z.infer<typeof fleetSchema>;
