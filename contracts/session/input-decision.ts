import { z } from 'zod';
import { messagePartsSchema } from '../attachments/content-parts.ts';
import { LIMITS } from '../limits.ts';

/** Why middleware refuses a run. Becomes the detail of the run's error. */
export const refusalSchema = z.string().min(1).max(LIMITS.refusalCharacters.value);

/** A message as the model gets it. */
export const decidedMessageSchema = z.object({
  messageId: z.string(),
  /** What the model is given in place of the message's text; absent if it is unchanged. */
  content: z.string().optional(),
  /** What the model is given in place of the message's parts; absent if they are unchanged but for the text. */
  parts: messagePartsSchema.optional(),
});
export type DecidedMessage = z.infer<typeof decidedMessageSchema>;

/** What the input middleware of an agent has decided on messages of a run. It is decided once. */
export const inputDecisionSchema = z.discriminatedUnion('kind', [
  /** The run goes on, with the messages as they were decided. */
  z.object({ kind: z.literal('pass') }),
  /** The run fails. Its message is in no later context. */
  z.object({ kind: z.literal('refuse'), middleware: z.string(), reason: refusalSchema }),
  /** The run is answered without a model call. */
  z.object({ kind: z.literal('answer'), middleware: z.string(), text: z.string() }),
]);
export type InputDecision = z.infer<typeof inputDecisionSchema>;
