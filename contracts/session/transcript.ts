import { z } from 'zod';
import { messagePartsSchema } from '../attachments/content-parts.ts';
import { inputDecisionSchema } from './input-decision.ts';
import { rejectedAnswerSchema } from '../output/output.ts';
import { providerDataSchema, toolCallRequestSchema, toolStatusSchema } from './run.ts';

/** One entry of a session's transcript, as given to the model. */
export const transcriptEntrySchema = z.discriminatedUnion('role', [
  z.object({
    role: z.literal('user'),
    runId: z.string(),
    messageId: z.string(),
    /** Absent in a message that is only text. */
    parts: messagePartsSchema.optional(),
    /** True for a message that stays in the context; absent for others. */
    pin: z.boolean().optional(),
    /** As the model is given it. */
    content: z.string(),
    /** What input middleware has decided on the message; absent if none has. */
    decision: inputDecisionSchema.optional(),
    /** The middleware that has changed the content; absent for none. */
    changedBy: z.array(z.string()).optional(),
  }),
  z.object({
    role: z.literal('assistant'),
    runId: z.string(),
    step: z.number().int(),
    content: z.string(),
    toolCalls: z.array(toolCallRequestSchema),
    /** Whether the text was cut short by a cancellation. */
    partial: z.boolean(),
    /** What the provider attached to the reply. Clients can ignore it. */
    providerData: providerDataSchema.optional(),
    /** Present if the text was to be a structured answer and is none. */
    rejected: rejectedAnswerSchema.optional(),
  }),
  z.object({
    role: z.literal('tool'),
    runId: z.string(),
    step: z.number().int(),
    callId: z.string(),
    tool: z.string(),
    status: toolStatusSchema,
    content: z.string(),
  }),
]);
export type TranscriptEntry = z.infer<typeof transcriptEntrySchema>;
