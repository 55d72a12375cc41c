import { z } from 'zod';

export const seq = z.number().int().positive();
export const at = z.string();
/** Fields of every durable event. `at` is ISO 8601 UTC. */
export const session = { seq, at, sessionId: z.string() };
/** Fields of every event of a run. */
export const run = { ...session, runId: z.string() };
/** Fields of every event of a step. */
export const step = { ...run, step: z.number().int().positive() };
export const call = {
  ...step,
  callId: z.string(),
  tool: z.string(),
  /** Of a call that a program makes: the `callId` of the program. Absent for a call of the model. */
  program: z.string().optional(),
};
export const count = z.number().int().nonnegative();
