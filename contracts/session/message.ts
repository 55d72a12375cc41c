import { z } from 'zod';
import { LIMITS } from '../limits.ts';

/** What to do with a message that arrives while a run is going. */
export const whileRunningSchema = z.enum(['enqueue', 'steer', 'interrupt', 'reject']);
export type WhileRunning = z.infer<typeof whileRunningSchema>;

const controlCharacters = /\p{Cc}/u;

/** An id chosen by a caller: 1 to 200 printable characters. */
export const messageIdSchema = z
  .string()
  .min(1)
  .max(LIMITS.messageIdCharacters.value)
  .refine((id) => !controlCharacters.test(id) && id.isWellFormed(), 'must not contain control characters');

/** A message's text. NUL is refused: PostgreSQL cannot keep it. Size is checked apart, as `too_large`. */
export const contentSchema = z
  .string()
  .refine((text) => text.trim() !== '', 'must not be empty')
  .refine((text) => !text.includes('\u0000') && text.isWellFormed(), 'must be well-formed text without NUL characters');

/** An agent's name: what its template's `name` says. */
export const agentNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits, ".", "_" or "-"');

/** The JSON of the update and the signal `submitMessage`, and of `POST …/messages`. */
export const messageInputSchema = z.strictObject({
  /** Makes the delivery idempotent: the same id gives the same receipt, for ever. Made by the sender when absent. */
  id: messageIdSchema.optional(),
  content: contentSchema,
  /** Default: the session's policy, which is `enqueue` unless set. */
  whileRunning: whileRunningSchema.optional(),
  /** The agent of a session that this message creates; ignored by a session that exists, unless it names another agent: then 400. */
  agent: agentNameSchema.optional(),
});
export type MessageInput = z.infer<typeof messageInputSchema>;

/** `accepted`: delivered while no worker answered; its outcome is read by message id. */
export const dispositionSchema = z.enum(['started', 'queued', 'steered', 'accepted']);

/** What a sender gets back. */
export const receiptSchema = z.object({
  messageId: z.string(),
  /** Null only when `accepted`. */
  runId: z.string().nullable(),
  disposition: dispositionSchema,
  /** Runs of this session ahead of this one when it was admitted; null only when `accepted`. */
  position: z.number().int().nullable(),
});
export type Receipt = z.infer<typeof receiptSchema>;
