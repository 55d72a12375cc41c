import { LRUCache } from 'lru-cache';
import type { AgentVersion } from '../contracts/agent.ts';
import { isFilePart, type MessagePart } from '../contracts/attachments/content-parts.ts';
import type { JsonObject } from '../contracts/json.ts';
import type { TranscriptEntry } from '../contracts/session/transcript.ts';
import { estimateAttachmentTokens, estimateTextTokens } from './estimate-tokens.ts';
import { partText } from './part-text.ts';
import { encodingOf, loadTokenizer, type CountTokens } from './tokenizer.ts';

/** Tokens that chat templates typically add to each message and tool. */
const PER_ITEM = 4;
/** Tokens that they add to each tool call. */
const PER_CALL = 8;
/** The bounds of the correction by reported usage. */
const MIN_RATIO = 0.5;
const MAX_RATIO = 3;
/** The weight of a report in the correction. */
const WEIGHT = 0.2;
/** What is added to corrected estimates, because texts differ. */
const MARGIN = 1.05;
const MODELS = 1_000;
const TEXTS = 500;

/** Counts what the context of a call to one model takes. */
export interface TokenCount {
  /** Whether the counts are those of the model's own encoding. */
  readonly isExact: boolean;
  readonly ofText: CountTokens;
  readonly ofEntry: (entry: TranscriptEntry) => number;
  /** Of the agent's instructions and tools, of the schema of the answer, and of other texts beside the conversation. */
  readonly ofAgent: (agent: AgentVersion, schema: JsonObject | null, others: readonly string[]) => number;
}

/**
 * Counts tokens for the context windows of a worker's model calls: exactly for models whose encoding is known; for others by the
 * estimate of `estimateTextTokens`, corrected by the usage that their providers report. Entries are counted once.
 */
export class TokenMeter {
  /** Reported by estimated tokens, by `provider/model`. */
  readonly #ratios = new LRUCache<string, number>({ max: MODELS });
  /** Of entries, and of lists of tools. */
  readonly #counts = new Map<CountTokens, WeakMap<object, number>>();
  readonly #texts = new LRUCache<string, number>({ max: TEXTS });

  /** An upper bound for any model: a token has at least one byte. */
  readonly most: TokenCount = this.#countBy(estimateTextTokens, 'estimate', MAX_RATIO, false);

  /** Counts by estimates. */
  estimates(model: string): TokenCount {
    const ratio = this.#ratios.get(model);
    return this.#countBy(estimateTextTokens, 'estimate', ratio === undefined ? 1 : ratio * MARGIN, false);
  }

  /** Counts by the model's own encoding, or else by estimates. */
  async counts(model: string): Promise<TokenCount> {
    const encoding = encodingOf(model);
    if (encoding === null) return this.estimates(model);
    return this.#countBy(await loadTokenizer(encoding), encoding, 1, true);
  }

  /** Corrects the estimates for a model by the input tokens that its provider has reported. */
  report(model: string, estimated: number, reported: number | null): void {
    if (reported === null || reported <= 0 || estimated <= 0) return;
    const ratio = Math.min(MAX_RATIO, Math.max(MIN_RATIO, reported / estimated));
    const before = this.#ratios.get(model);
    this.#ratios.set(model, before === undefined ? ratio : before + WEIGHT * (ratio - before));
  }

  #countBy(count: CountTokens, encoding: string, factor: number, isExact: boolean): TokenCount {
    const known = this.#counts.get(count) ?? new WeakMap<object, number>();
    this.#counts.set(count, known);
    const ofText: CountTokens = (text) => Math.ceil(count(text) * factor);
    return {
      isExact,
      ofText,
      ofEntry: (entry) => {
        const tokens = known.get(entry) ?? countEntry(entry, count);
        known.set(entry, tokens);
        return Math.ceil(tokens * factor);
      },
      ofAgent: ({ spec, tools }, schema, others) => {
        const output = schema ?? spec.output?.schema;
        const offered = known.get(tools) ?? countTools(tools, count);
        known.set(tools, offered);
        const texts = [spec.instructions ?? '', ...others, ...(output ? [json(output)] : [])];
        const once = (text: string): number => {
          const id = `${encoding} ${text}`;
          const tokens = this.#texts.get(id) ?? count(text);
          this.#texts.set(id, tokens);
          return tokens + PER_ITEM;
        };
        return Math.ceil(texts.reduce((sum, text) => sum + (text === '' ? 0 : once(text)), offered) * factor);
      },
    };
  }
}

function countEntry(entry: TranscriptEntry, count: CountTokens): number {
  if (entry.role === 'user' && entry.parts) {
    const ofPart = (part: MessagePart) => (isFilePart(part) ? estimateAttachmentTokens(part) : count(partText(part)));
    return entry.parts.reduce((sum, part) => sum + ofPart(part), PER_ITEM);
  }
  if (entry.role !== 'assistant') return PER_ITEM + count(entry.content);
  const { content, toolCalls, providerData, rejected } = entry;
  const calls = toolCalls.map(({ tool, arguments: args }) => json([tool, args]));
  const extra = [...(providerData ? [json(providerData)] : []), ...(rejected ? [rejected.feedback] : [])];
  return [content, ...calls, ...extra].reduce(
    (sum, text) => sum + count(text),
    PER_ITEM + PER_CALL * calls.length + (rejected ? PER_ITEM : 0),
  );
}

function countTools(tools: AgentVersion['tools'], count: CountTokens): number {
  const offered = tools.map(({ name, description, parameters }) => json({ name, description, parameters }));
  return offered.reduce((sum, text) => sum + count(text) + PER_ITEM, 0);
}

function json(value: unknown): string {
  return JSON.stringify(value);
}
