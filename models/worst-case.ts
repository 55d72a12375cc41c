import type { Price, WorstCase } from '../core/money/price.ts';
import { attachmentKind } from '../contracts/attachments/attachment.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { ModelMessage, ModelRequest } from './model-client.ts';

/** The tokens that a chat template may add to a request, to each message and to each tool. */
const PER_REQUEST = 400;
const PER_MESSAGE = 16;
const PER_TOOL = 64;
/** The tokens that explain the schema of the answer. */
const PER_SCHEMA = 200;

/**
 * An upper bound of a call's tokens, for any model. Tokenizers produce at most one token for each UTF-8 byte, so the bytes of
 * the request bound its input without knowing the vocabulary. English text has about four bytes a token, so the bound is
 * wide; settling the call releases the rest. Neither side exceeds the model's context window, and the output is at most
 * `maxOutputTokens`.
 */
export function worstCase(
  request: ModelRequest & { readonly maxOutputTokens: number },
  price: Price | null,
): WorstCase {
  const { instructions, messages, tools, outputSchema, maxOutputTokens, conversation } = request;
  const content = messages.reduce((sum, message) => sum + contentTokens(message) + PER_MESSAGE, 0);
  const offered = tools.reduce((sum, tool) => sum + bytes(JSON.stringify(tool)) + PER_TOOL, 0);
  // It may be sent twice: to be enforced, and to be read by the model.
  const output = outputSchema ? 2 * bytes(JSON.stringify(outputSchema)) + PER_SCHEMA : 0;
  const window = price?.contextTokens ?? Number.POSITIVE_INFINITY;
  const kept = conversation?.keptTokens ?? 0;
  const inputTokens = Math.min(window, kept + PER_REQUEST + bytes(instructions) + content + offered + output);
  return { inputTokens, outputTokens: Math.min(window, maxOutputTokens) };
}

/** Of an image, what the most expensive model counts for one: OpenAI's gpt-4o-mini, 48,169 tokens. */
const PER_IMAGE = 50_000;

/** Of a file its bytes: they bound its text, and an image of each page for all but a tiny file. */
function contentTokens(message: ModelMessage): number {
  if (!('parts' in message) || message.parts === undefined) return bytes(JSON.stringify(message));
  return message.parts.reduce((sum, part) => {
    if (part.type === 'text') return sum + bytes(JSON.stringify(part));
    switch (attachmentKind(part.contentType)) {
      case 'image':
        return sum + PER_IMAGE;
      case 'text':
        return sum + Math.min(part.size, LIMITS.textFileBytes.value) + bytes(part.name);
      case 'file':
        return sum + PER_IMAGE + part.size;
    }
  }, 0);
}

function bytes(text: string): number {
  return Buffer.byteLength(text);
}
