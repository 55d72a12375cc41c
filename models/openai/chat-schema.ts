import { z } from 'zod';
import { jsonObjectSchema, jsonSchema } from '../../contracts/json-schema.ts';
import type { Finish, Usage } from '../../contracts/session/run.ts';
import { objectOrEmpty, optional, optionalCount, optionalId, optionalIndex, optionalText } from './tolerant.ts';

// The fields of a response that are read. Compatible servers omit different ones. Only the text and the tool calls matter for
// the answer: there, a value of the wrong type is an error. Other fields are ignored.

/** A part of a content that is sent as an array, by Mistral among others. */
const partSchema = z.looseObject({ type: optionalText, text: optionalText, thinking: z.unknown().optional() });
const partsSchema = z.array(z.union([z.string(), partSchema]).nullable());

const callSchema = z.object({
  index: optionalIndex,
  id: optionalId,
  function: objectOrEmpty(
    z.object({
      name: optionalText,
      /** Some servers send an object instead of its JSON. */
      arguments: jsonSchema.nullish(),
    }),
  ),
  extra_content: optional(jsonObjectSchema),
  provider_specific_fields: optional(jsonObjectSchema),
});
export type ToolCallPart = z.infer<typeof callSchema>;

const messageSchema = z.object({
  content: z.union([z.string(), partsSchema]).nullish(),
  refusal: optionalText,
  /** The two names of the reasoning. Some servers send both. */
  reasoning_content: optional(z.union([z.string(), partsSchema])),
  reasoning: optional(z.union([z.string(), partsSchema])),
  /** Signed or encrypted reasoning: OpenRouter, LiteLLM, Gemini. */
  reasoning_details: optional(z.array(jsonObjectSchema)),
  thinking_blocks: optional(z.array(jsonObjectSchema)),
  extra_content: optional(jsonObjectSchema),
  tool_calls: z.preprocess(
    (value) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? [value] : value),
    z.array(callSchema.nullable()).nullish(),
  ),
});
export type MessagePart = z.infer<typeof messageSchema>;

const usageSchema = z.object({
  prompt_tokens: optionalCount,
  completion_tokens: optionalCount,
  prompt_tokens_details: optional(z.object({ cached_tokens: optionalCount })),
  completion_tokens_details: optional(z.object({ reasoning_tokens: optionalCount })),
});

const choiceSchema = z.object({
  /** In a chunk of a stream. */
  delta: objectOrEmpty(messageSchema),
  /** In a response without streaming; some servers also send it in chunks. */
  message: objectOrEmpty(messageSchema),
  finish_reason: optionalId,
  /** OpenRouter: why the reply broke off. */
  error: z.unknown().optional(),
});

/** A chunk of a stream, or a whole response. */
export const chatResponseSchema = z.object({
  model: optionalText,
  choices: z.array(choiceSchema.nullable()).nullish(),
  usage: optional(usageSchema),
});

/** The text of a content and the reasoning in it. Parts of other types, such as images and references, are left out. */
export function textsOf(content: MessagePart['content']): { readonly text: string; readonly reasoning: string } {
  if (!Array.isArray(content)) return { text: content ?? '', reasoning: '' };
  let text = '';
  let reasoning = '';
  for (const part of content) {
    if (typeof part === 'string') text += part;
    else if (part?.type === 'thinking' || part?.type === 'reasoning') reasoning += thoughtsOf(part);
    else text += part?.text ?? '';
  }
  return { text, reasoning };
}

function thoughtsOf({ text, thinking }: z.infer<typeof partSchema>): string {
  if (typeof thinking === 'string') return thinking;
  const parts = partsSchema.safeParse(thinking);
  return parts.success ? textsOf(parts.data).text : (text ?? '');
}

/** Adds to what is known: some servers send usage in several chunks, or again without a count. */
export function chatUsage(usage: z.infer<typeof usageSchema>, known: Usage | null): Usage {
  return {
    inputTokens: usage.prompt_tokens ?? known?.inputTokens ?? null,
    outputTokens: usage.completion_tokens ?? known?.outputTokens ?? null,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? known?.cachedTokens ?? null,
    reasoningTokens: usage.completion_tokens_details?.reasoning_tokens ?? known?.reasoningTokens ?? null,
  };
}

/** Reasons of OpenAI, then of gateways that pass on those of Anthropic, Gemini, Mistral, Cohere, Hugging Face and GLM. */
const FINISHES: Readonly<Record<string, Finish>> = {
  stop: 'stop',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  length: 'length',
  content_filter: 'refusal',

  end_turn: 'stop',
  stop_sequence: 'stop',
  complete: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  tool_use: 'tool_calls',
  max_tokens: 'length',
  model_length: 'length',
  model_context_window_exceeded: 'length',
  content_filtered: 'refusal',
  guardrail_intervened: 'refusal',
  safety: 'refusal',
  sensitive: 'refusal',
  refusal: 'refusal',
};

/** Reasons that report a reply that broke off: OpenRouter and Mistral, GLM, DeepSeek, vLLM, Gemini. */
const BROKEN_OFF = new Set([
  'error',
  'network_error',
  'insufficient_system_resource',
  'abort',
  'malformed_function_call',
]);

export function chatFinish(reason: string): Finish {
  return FINISHES[reason.toLowerCase()] ?? 'other';
}

export function brokeOff(reason: string): boolean {
  return BROKEN_OFF.has(reason.toLowerCase());
}
