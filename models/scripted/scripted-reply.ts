import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from '../../contracts/json.ts';
import type { Finish, Usage } from '../../contracts/session/run.ts';
import { ModelError, type ModelCallOptions, type ModelReply, type ModelRequest } from '../model-client.ts';
import { providerError } from '../provider-error.ts';
import { ReplyBuilder } from '../reply-builder.ts';

/** What a scripted model says in one call, and how. Everything left out is empty, immediate and well. */
export interface ScriptedReply {
  readonly reasoning?: string;
  readonly text?: string;
  /** How many pieces the text comes in. Default: one for each word. */
  readonly chunks?: number;
  /** Before the first piece, in ms. */
  readonly firstDelayMs?: number;
  /** Before each piece of text, in ms. */
  readonly delayMs?: number;
  /** Awaited before each piece of text, so that a test can hold the stream. `piece` counts from 0. */
  readonly hold?: (piece: number) => Promise<void> | void;
  readonly toolCalls?: readonly ScriptedCall[];
  /** Default: `tool_calls` with calls, `stop` without. With `refusal` the text is the refusal. */
  readonly finish?: Finish;
  /** Null: the provider does not say. Default: a guess of 4 characters to a token. */
  readonly usage?: Usage | null;
  readonly failure?: ScriptedFailure;
  /** Pieces that are streamed before the failure. Default 0. */
  readonly failAfter?: number;
}

export interface ScriptedCall {
  readonly tool: string;
  readonly arguments?: Json;
  /** The arguments as text, for those that are not JSON; wins over `arguments`. */
  readonly raw?: string;
  /** Default: `call_N`, N being the number of calls in the request and this reply so far. */
  readonly callId?: string;
}

/** An HTTP status, with what the provider's headers and body add to it, or another way to fail. */
export type ScriptedFailure =
  | { readonly status: number; readonly code?: string; readonly retryAfterMs?: number }
  | 'truncated'
  | 'connection'
  | 'timeout';

export interface ScriptedAnswer {
  readonly provider: string;
  readonly request: ModelRequest;
  readonly reply: ScriptedReply;
}

/** Says one scripted reply. Rejects as a real client would, with the signal's reason when aborted. */
export async function performReply(
  { provider, request, reply }: ScriptedAnswer,
  { signal, onDelta }: ModelCallOptions,
): Promise<ModelReply> {
  signal.throwIfAborted();
  try {
    const builder = new ReplyBuilder(provider, request.stream ? onDelta : null);
    await pause(reply.firstDelayMs, signal);
    for (const piece of words(reply.reasoning ?? '')) {
      await pause(reply.delayMs, signal);
      builder.say('reasoning', piece);
    }
    const pieces = piecesOf(reply);
    const spoken = reply.failure ? pieces.slice(0, reply.failAfter ?? 0) : pieces;
    for (const [index, piece] of spoken.entries()) {
      await pause(reply.delayMs, signal);
      if (reply.hold) await abortable(reply.hold(index), signal);
      if (reply.finish === 'refusal') builder.refuse(piece);
      else builder.say('text', piece);
    }
    if (reply.failure) throw failureOf(provider, reply.failure, builder);
    callTools(builder, request, reply.toolCalls ?? []);
    return builder.end({
      finish: reply.finish ?? (reply.toolCalls?.length ? 'tool_calls' : 'stop'),
      usage: reply.usage === undefined ? guessedUsage(request, builder) : reply.usage,
      model: request.model,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** The text of a reply in the pieces it streams in. Without a text, `chunks` counts aloud. */
export function piecesOf({ text, chunks }: ScriptedReply): string[] {
  if (chunks === undefined) return words(text ?? '');
  if (text === undefined) return Array.from({ length: chunks }, (_, index) => `${index + 1} `);
  const characters = Array.from(text);
  return Array.from({ length: chunks }, (_, index) =>
    characters
      .slice(Math.round((index * characters.length) / chunks), Math.round(((index + 1) * characters.length) / chunks))
      .join(''),
  );
}

function words(text: string): string[] {
  return text.match(/\S+\s*|\s+/g) ?? [];
}

function callTools(builder: ReplyBuilder, { messages }: ModelRequest, calls: readonly ScriptedCall[]): void {
  const before = messages.flatMap((message) => (message.role === 'assistant' ? message.toolCalls : [])).length;
  for (const [index, call] of calls.entries()) {
    const growing = builder.startCall(call.callId ?? `call_${before + index + 1}`, call.tool);
    builder.growArguments(growing, call.raw ?? JSON.stringify(call.arguments ?? {}));
  }
}

function failureOf(provider: string, failure: ScriptedFailure, builder: ReplyBuilder): ModelError {
  if (failure === 'truncated') return builder.truncated();
  if (failure === 'connection' || failure === 'timeout') {
    return new ModelError(failure, `The provider ${provider} was told to fail with ${failure}.`, { retryable: true });
  }
  const headers = new Headers();
  if (failure.retryAfterMs !== undefined) headers.set('retry-after-ms', String(failure.retryAfterMs));
  return providerError({ provider, httpStatus: failure.status, code: failure.code ?? null, headers }, Date.now());
}

function guessedUsage(request: ModelRequest, { text, reasoning, calls }: ReplyBuilder): Usage {
  const said = text.length + reasoning.length + calls.reduce((sum, call) => sum + call.arguments.length, 0);
  return {
    inputTokens: tokensIn(request.instructions.length + JSON.stringify(request.messages).length),
    outputTokens: tokensIn(said),
    cachedTokens: 0,
    reasoningTokens: tokensIn(reasoning.length),
  };
}

function tokensIn(characters: number): number {
  return Math.ceil(characters / 4);
}

async function pause(ms: number | undefined, signal: AbortSignal): Promise<void> {
  if (ms) await sleep(ms, undefined, { signal });
  else signal.throwIfAborted();
}

async function abortable(held: Promise<void> | void, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const stop = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([held, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
