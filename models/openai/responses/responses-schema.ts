import { z } from 'zod';
import { jsonObjectSchema } from '../../../contracts/json-schema.ts';
import type { Usage } from '../../../contracts/session/run.ts';
import { optional, optionalCount, optionalId, optionalIndex, optionalText } from '../tolerant.ts';

// The fields of a Responses response that are read. Only the text and the function calls matter for the answer: there, a value
// of the wrong type is an error. Events and output items of other types are ignored.

const text = z.string().nullish();

const partSchema = z.object({ type: optionalText, text, refusal: text });

const itemSchema = z.object({
  type: optionalText,
  id: optionalId,
  /** Of a `message`: `output_text` and `refusal`. Of `reasoning`: `reasoning_text`. */
  content: z
    .union([z.array(partSchema), z.string().transform((one) => [{ type: 'output_text', text: one }])])
    .nullish(),
  /** Of `reasoning`. */
  summary: optional(z.array(partSchema)),
  /** The fields below are of a `function_call`. */
  call_id: optionalId,
  name: optionalText,
  /** Some servers send an object instead of its JSON. */
  arguments: z.union([z.string(), jsonObjectSchema.transform((one) => JSON.stringify(one))]).nullish(),
});
export type OutputItem = z.infer<typeof itemSchema>;

const usageSchema = z.object({
  input_tokens: optionalCount,
  output_tokens: optionalCount,
  input_tokens_details: optional(z.object({ cached_tokens: optionalCount })),
  output_tokens_details: optional(z.object({ reasoning_tokens: optionalCount })),
});

/** The whole response: the body without streaming, and part of a stream's terminal event. */
export const responseSchema = z.object({
  id: optionalId,
  conversation: optional(z.union([z.string(), z.object({ id: optionalId })])),
  model: optionalText,
  status: optionalText,
  output: z.array(itemSchema).nullish(),
  usage: optional(usageSchema),
  incomplete_details: optional(z.object({ reason: optionalText })),
  error: z.unknown().optional(),
});
export type ResponsesBody = z.infer<typeof responseSchema>;

export const responseEventSchema = z.object({
  type: optionalText,
  delta: z.unknown().optional(),
  /** Of `….done`: the whole text or arguments. */
  text: z.unknown().optional(),
  arguments: z.unknown().optional(),
  item_id: optionalId,
  output_index: optionalIndex,
  summary_index: optionalIndex,
  item: itemSchema.nullish(),
  response: z.unknown().optional(),
});

export function responsesUsage(usage: z.infer<typeof usageSchema>): Usage {
  return {
    inputTokens: usage.input_tokens ?? null,
    outputTokens: usage.output_tokens ?? null,
    cachedTokens: usage.input_tokens_details?.cached_tokens ?? null,
    reasoningTokens: usage.output_tokens_details?.reasoning_tokens ?? null,
  };
}
