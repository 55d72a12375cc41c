import { z } from 'zod';
import { approvalAnswerSchema, clientAnswerSchema } from './inbox-item.ts';
import { agentNameSchema } from './message.ts';
import { policyPatchSchema, policySchema } from '../agent.ts';
import { patchSchema, statePatchSchema } from './state.ts';

/** The JSON of the update `openSession`, which returns an `OpenedSession`. An existing session keeps its agent, metadata and policy. */
export const openSessionSchema = z.strictObject({
  agent: agentNameSchema.optional(),
  metadata: patchSchema.optional(),
  policy: policySchema.optional(),
});
export type OpenSession = z.infer<typeof openSessionSchema>;
/** The result of the update `openSession`. */
export interface OpenedSession {
  /** False when the session existed before. */
  readonly created: boolean;
}

/** The JSON of the update and signal `updateSession`. Merged key by key, state within each namespace; null removes a key. */
export const updateSessionSchema = z.strictObject({
  metadata: patchSchema.optional(),
  state: statePatchSchema.optional(),
  policy: policyPatchSchema.optional(),
});
export type UpdateSession = z.infer<typeof updateSessionSchema>;

/** The JSON of the update and signal `cancelRun`. */
export const cancelRunSchema = z.strictObject({
  /** Default: the current run. */
  runId: z.string().min(1).max(100).optional(),
});
export type CancelRun = z.infer<typeof cancelRunSchema>;
/** The result of the update `cancelRun`. */
export interface CancelledRun {
  /** The run that is being cancelled; null when none was running. */
  readonly runId: string | null;
}

/** The JSON of the update `resumeRun`: a failed or cancelled run continues after its last committed step. */
export const resumeRunSchema = z.strictObject({ runId: z.string().min(1).max(100) });
export type ResumeRun = z.infer<typeof resumeRunSchema>;

/** The JSON of the update and signal `endSession`. */
export const endSessionSchema = z.strictObject({
  /** Default `completed`. A completed session accepts no more messages; a failed one is reopened by a message. */
  status: z.enum(['completed', 'failed']).optional(),
  reason: z.string().max(1_000).optional(),
});
export type EndSession = z.infer<typeof endSessionSchema>;

/** Fields of an answer that a Temporal client delivers. */
const answerFields = {
  itemId: z.string().min(1).max(100),
  /** The user who answers. Default: the user of the session. */
  by: z.string().min(1).max(256).optional(),
  /** Whether that user is an operator. Default false. */
  operator: z.boolean().optional(),
};

/** The JSON of the update and signal `answerApproval`. */
export const answerApprovalSchema = z.strictObject({ ...answerFields, answer: approvalAnswerSchema });
/** The JSON of the update and signal `answerClientCall`. */
export const answerClientCallSchema = z.strictObject({ ...answerFields, answer: clientAnswerSchema });
/** The result of both updates. Times are ISO 8601 UTC. */
export interface AnsweredInboxItem {
  readonly id: string;
  readonly answeredAt: string;
  readonly answeredBy: string;
}
