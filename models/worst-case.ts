import type { Price, WorstCase } from '../core/money/price.ts';
import type { ModelRequest } from './model-client.ts';

/** What a chat template and its special tokens may add to a request, to each of its messages and to each tool, in tokens. */
const PER_REQUEST = 400;
const PER_MESSAGE = 16;
const PER_TOOL = 64;

/**
 * The most tokens that a request can be counted as. No tokenizer in use makes more tokens of a text than it has UTF-8
 * bytes, and none makes fewer than one of a byte it does not know; so bytes bound every model's count without knowing
 * its vocabulary. English text has about four bytes to a token: the bound is wide, and what is too much is given back
 * when the call is settled. Never more than the model takes. The answer is as long as `maxOutputTokens` allows.
 */
export function worstCase(
  request: ModelRequest & { readonly maxOutputTokens: number },
  price: Price | null,
): WorstCase {
  const { instructions, messages, tools, maxOutputTokens } = request;
  const content = messages.reduce((sum, message) => sum + bytes(JSON.stringify(message)) + PER_MESSAGE, 0);
  const offered = tools.reduce((sum, tool) => sum + bytes(JSON.stringify(tool)) + PER_TOOL, 0);
  const most = price?.contextTokens ?? Number.POSITIVE_INFINITY;
  const inputTokens = Math.min(most, PER_REQUEST + bytes(instructions) + content + offered);
  return { inputTokens, outputTokens: Math.min(most, maxOutputTokens) };
}

function bytes(text: string): number {
  return Buffer.byteLength(text);
}
