import { z } from 'zod';
import type { Usage } from '../../contracts/session/run.ts';

// The fields of a Responses response that are read. Events and output items of other types are ignored.

const count = z.number().int().nonnegative().nullish();
const text = z.string().nullish();

const partSchema = z.object({ type: z.string(), text: text, refusal: text });

const itemSchema = z.object({
  type: z.string(),
  id: text,
  /** Of a `message`: `output_text` and `refusal`. Of `reasoning`: `reasoning_text`. */
  content: z.array(partSchema).nullish(),
  /** Of `reasoning`. */
  summary: z.array(partSchema).nullish(),
  /** The fields below are of a `function_call`. */
  call_id: text,
  name: text,
  arguments: text,
});
export type OutputItem = z.infer<typeof itemSchema>;

const usageSchema = z.object({
  input_tokens: count,
  output_tokens: count,
  input_tokens_details: z.object({ cached_tokens: count }).nullish(),
  output_tokens_details: z.object({ reasoning_tokens: count }).nullish(),
});

/** The whole response: the body without streaming, and part of a stream's terminal event. */
export const responseSchema = z.object({
  model: text,
  status: text,
  output: z.array(itemSchema).nullish(),
  usage: usageSchema.nullish(),
  incomplete_details: z.object({ reason: text }).nullish(),
  error: z.object({ code: z.unknown().optional() }).nullish(),
});
export type ResponsesBody = z.infer<typeof responseSchema>;

export const responseEventSchema = z.object({
  type: z.string(),
  delta: z.unknown().optional(),
  item_id: text,
  output_index: z.number().int().nullish(),
  summary_index: z.number().int().nullish(),
  item: itemSchema.nullish(),
  response: z.unknown().optional(),
  /** Of `error`. */
  code: z.unknown().optional(),
});
export type ResponsesEvent = z.infer<typeof responseEventSchema>;

export function responsesUsage(usage: z.infer<typeof usageSchema>): Usage {
  return {
    inputTokens: usage.input_tokens ?? null,
    outputTokens: usage.output_tokens ?? null,
    cachedTokens: usage.input_tokens_details?.cached_tokens ?? null,
    reasoningTokens: usage.output_tokens_details?.reasoning_tokens ?? null,
  };
}
