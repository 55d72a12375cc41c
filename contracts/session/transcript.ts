import { z } from 'zod';
import { toolStatusSchema } from './run.ts';

const toolCallSchema = z.object({
  callId: z.string(),
  tool: z.string(),
  arguments: z.json(),
  malformed: z.string().nullable(),
});

/** One entry of a session's transcript, as given to the model. */
export const transcriptEntrySchema = z.discriminatedUnion('role', [
  z.object({ role: z.literal('user'), runId: z.string(), messageId: z.string(), content: z.string() }),
  z.object({
    role: z.literal('assistant'),
    runId: z.string(),
    step: z.number().int(),
    content: z.string(),
    toolCalls: z.array(toolCallSchema),
    /** Whether the text was cut short by a cancellation. */
    partial: z.boolean(),
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
