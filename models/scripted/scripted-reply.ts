import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from '../../contracts/json.ts';
import type { Finish, Usage } from '../../contracts/session/run.ts';
import { ModelError, type ModelCallOptions, type ModelReply, type ModelRequest } from '../model-client.ts';
import { providerError } from '../provider-error.ts';
import { ReplyBuilder } from '../reply-builder.ts';

/** A scripted reply. By default it is empty, immediate and successful. */
export interface ScriptedReply {
  readonly reasoning?: string;
  readonly text?: string;
  /** The number of pieces of the text. Default: one a word. */
  readonly chunks?: number;
  /** Before the first piece. */
  readonly firstDelayMs?: number;
  /** Before each piece of text. */
  readonly delayMs?: number;
  /** Awaited before each piece of text, so that a test can hold the stream. `piece` counts from 0. */
  readonly hold?: (piece: number) => Promise<void> | void;
  readonly toolCalls?: readonly ScriptedCall[];
  /** Default: `tool_calls` with calls, `stop` without. With `refusal`, the text is the refusal. */
  readonly finish?: Finish;
  /** Null: not reported. Default: estimated at 4 characters a token. */
  readonly usage?: Usage | null;
  readonly failure?: ScriptedFailure;
  /** The number of pieces streamed before the failure. Default 0. */
  readonly failAfter?: number;
}

export interface ScriptedCall {
  readonly tool: string;
  readonly arguments?: Json;
  /** The arguments as text, which may be invalid JSON. Overrides `arguments`. */
  readonly raw?: string;
  /** Default: `call_N`, where N counts the calls in the request and this reply. */
  readonly callId?: string;
}

/** An HTTP status with the error code and `Retry-After`, or a failure without a response. */
export type ScriptedFailure =
  | { readonly status: number; readonly code?: string; readonly retryAfterMs?: number }
  | 'truncated'
  | 'connection'
  | 'timeout';

export interface ScriptedCallInput {
  readonly provider: string;
  readonly request: ModelRequest;
  readonly reply: ScriptedReply;
}

/** Streams one scripted reply. Rejects like a real client: with a ModelError, or with the signal's reason. */
export async function performReply(
  { provider, request, reply }: ScriptedCallInput,
  { signal, onDelta }: ModelCallOptions,
): Promise<ModelReply> {
  signal.throwIfAborted();
  try {
    const builder = new ReplyBuilder(provider, request.stream ? onDelta : null);
    await pause(reply.firstDelayMs, signal);
    for (const piece of words(reply.reasoning ?? '')) {
      await pause(reply.delayMs, signal);
      builder.append('reasoning', piece);
    }
    const pieces = piecesOf(reply);
    const streamed = reply.failure ? pieces.slice(0, reply.failAfter ?? 0) : pieces;
    for (const [index, piece] of streamed.entries()) {
      await pause(reply.delayMs, signal);
      if (reply.hold) await abortable(reply.hold(index), signal);
      if (reply.finish === 'refusal') builder.appendRefusal(piece);
      else builder.append('text', piece);
    }
    if (reply.failure) throw failureOf(provider, reply.failure, builder);
    callTools(builder, request, reply.toolCalls ?? []);
    return builder.end({
      finish: reply.finish ?? (reply.toolCalls?.length ? 'tool_calls' : 'stop'),
      usage: reply.usage === undefined ? estimatedUsage(request, builder) : reply.usage,
      model: request.model,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** The pieces of a reply's text. With `chunks` and no text, they are the numbers from 1. */
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
    const partial = builder.startCall(call.callId ?? `call_${before + index + 1}`, call.tool);
    builder.appendArguments(partial, call.raw ?? JSON.stringify(call.arguments ?? {}));
  }
}

function failureOf(provider: string, failure: ScriptedFailure, builder: ReplyBuilder): ModelError {
  if (failure === 'truncated') return builder.truncated();
  if (failure === 'connection' || failure === 'timeout') {
    return new ModelError(failure, `The provider ${provider} failed as scripted: ${failure}.`, { retryable: true });
  }
  const headers = new Headers();
  if (failure.retryAfterMs !== undefined) headers.set('retry-after-ms', String(failure.retryAfterMs));
  return providerError({ provider, httpStatus: failure.status, code: failure.code ?? null, headers }, Date.now());
}

function estimatedUsage(request: ModelRequest, { text, reasoning, calls }: ReplyBuilder): Usage {
  const output = text.length + reasoning.length + calls.reduce((sum, call) => sum + call.arguments.length, 0);
  return {
    inputTokens: tokensIn(request.instructions.length + JSON.stringify(request.messages).length),
    outputTokens: tokensIn(output),
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
