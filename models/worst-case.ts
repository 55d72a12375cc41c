import type { Price, WorstCase } from '../core/money/price.ts';
import type { ModelRequest } from './model-client.ts';

/** The tokens that a chat template may add to a request, to each message and to each tool. */
const PER_REQUEST = 400;
const PER_MESSAGE = 16;
const PER_TOOL = 64;

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
  const { instructions, messages, tools, maxOutputTokens } = request;
  const content = messages.reduce((sum, message) => sum + bytes(JSON.stringify(message)) + PER_MESSAGE, 0);
  const offered = tools.reduce((sum, tool) => sum + bytes(JSON.stringify(tool)) + PER_TOOL, 0);
  const window = price?.contextTokens ?? Number.POSITIVE_INFINITY;
  const inputTokens = Math.min(window, PER_REQUEST + bytes(instructions) + content + offered);
  return { inputTokens, outputTokens: Math.min(window, maxOutputTokens) };
}

function bytes(text: string): number {
  return Buffer.byteLength(text);
}
