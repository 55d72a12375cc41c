import { z } from 'zod';
import { agentNameSchema } from './message.ts';
import { policyPatchSchema, policySchema } from '../agent.ts';
import { patchSchema, statePatchSchema } from './state.ts';

/** The JSON of the update `openSession`. Answered with an `OpenedSession`. */
export const openSessionSchema = z.strictObject({
  agent: agentNameSchema.optional(),
  metadata: patchSchema.optional(),
  policy: policySchema.optional(),
});
export type OpenSession = z.infer<typeof openSessionSchema>;
export interface OpenedSession {
  /** False when the session was there before. */
  readonly created: boolean;
}

/** The JSON of the update and signal `updateSession`: merged key by key, state within each namespace; null removes. */
export const updateSessionSchema = z.strictObject({
  metadata: patchSchema.optional(),
  state: statePatchSchema.optional(),
  policy: policyPatchSchema.optional(),
});
export type UpdateSession = z.infer<typeof updateSessionSchema>;

/** The JSON of the update and signal `cancelRun`. */
export const cancelRunSchema = z.strictObject({
  /** Default: the run that is going. */
  runId: z.string().min(1).max(100).optional(),
});
export type CancelRun = z.infer<typeof cancelRunSchema>;
export interface CancelledRun {
  /** The run that was told to stop; null when none was going. */
  readonly runId: string | null;
}

/** The JSON of the update `resumeRun`: a failed run goes on from its last completed step. */
export const resumeRunSchema = z.strictObject({ runId: z.string().min(1).max(100) });
export type ResumeRun = z.infer<typeof resumeRunSchema>;

/** The JSON of the update and signal `endSession`. */
export const endSessionSchema = z.strictObject({
  status: z.enum(['completed', 'failed']).optional(),
  reason: z.string().max(1_000).optional(),
});
export type EndSession = z.infer<typeof endSessionSchema>;
