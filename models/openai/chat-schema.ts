import { z } from 'zod';
import type { Finish, Usage } from '../../contracts/session/run.ts';

// The fields of a response that are read. All are optional, because compatible servers omit different ones; a field of the
// wrong type is an error, and other fields are ignored.

const count = z.number().int().nonnegative().nullish();
const text = z.string().nullish();

const callSchema = z.object({
  index: z.number().int().nullish(),
  id: text,
  function: z
    .object({
      name: text,
      /** Some servers send an object instead of its JSON. */
      arguments: z.union([z.string(), z.record(z.string(), z.json())]).nullish(),
    })
    .nullish(),
});
export type ToolCallPart = z.infer<typeof callSchema>;

const messageSchema = z.object({
  content: text,
  refusal: text,
  reasoning_content: text,
  reasoning: text,
  tool_calls: z.array(callSchema).nullish(),
});
export type MessagePart = z.infer<typeof messageSchema>;

const usageSchema = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  prompt_tokens_details: z.object({ cached_tokens: count }).nullish(),
  completion_tokens_details: z.object({ reasoning_tokens: count }).nullish(),
});

const choiceSchema = z.object({
  /** In a chunk of a stream. */
  delta: messageSchema.nullish(),
  /** In a response without streaming. */
  message: messageSchema.nullish(),
  finish_reason: text,
});

/** A chunk of a stream, or a whole response. */
export const chatResponseSchema = z.object({
  model: text,
  choices: z.array(choiceSchema).nullish(),
  usage: usageSchema.nullish(),
});

export function chatUsage(usage: z.infer<typeof usageSchema>): Usage {
  return {
    inputTokens: usage.prompt_tokens ?? null,
    outputTokens: usage.completion_tokens ?? null,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? null,
    reasoningTokens: usage.completion_tokens_details?.reasoning_tokens ?? null,
  };
}

const FINISHES: Readonly<Record<string, Finish>> = {
  stop: 'stop',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  length: 'length',
  content_filter: 'refusal',
};

export function chatFinish(reason: string): Finish {
  return FINISHES[reason] ?? 'other';
}
