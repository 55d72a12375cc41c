import type { ErrorCode } from '../contracts/errors.ts';
import type { Json } from '../contracts/json.ts';
import type { Finish, ToolCallRequest, Usage } from '../contracts/session/run.ts';

/** One entry of the conversation, as a model sees it. */
export type ModelMessage =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | { readonly role: 'assistant'; readonly content: string; readonly toolCalls: readonly ToolCallRequest[] }
  | { readonly role: 'tool'; readonly callId: string; readonly tool: string; readonly content: string };

export interface ModelRequest {
  /** The model's name at its provider, without the provider's part. */
  readonly model: string;
  readonly instructions: string;
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly {
    readonly name: string;
    readonly description: string;
    readonly parameters: Readonly<Record<string, unknown>>;
  }[];
  /** `auto`, `required`, `none`, or a tool's name. */
  readonly toolChoice: string;
  readonly temperature: number | null;
  readonly maxOutputTokens: number | null;
  readonly reasoningEffort: 'minimal' | 'low' | 'medium' | 'high' | null;
  /** False: one call, one answer, no deltas. */
  readonly stream: boolean;
}

export interface ModelReply {
  readonly text: string;
  /** The model's thoughts where the provider sends them; empty otherwise. */
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCallRequest[];
  readonly finish: Finish;
  /** Null when the provider did not say. */
  readonly usage: Usage | null;
  /** The model that answered, as the provider names it. */
  readonly model: string;
}

export interface ModelCallOptions {
  /** Aborts the HTTP request at once; `generate` then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Called in order, once for each piece of text. The pieces of a kind join to the reply's text or reasoning. */
  readonly onDelta: (delta: { readonly kind: 'text' | 'reasoning'; readonly text: string }) => void;
}

/** A provider's endpoint. One suite (`test/models/model-client.testsuite.ts`) runs against every implementation. */
export interface ModelClient {
  /** The provider's part of `provider/model`: `openai`, `local`, `scripted`, … */
  readonly provider: string;
  /**
   * One model call. Never retries. Rejects with a {@link ModelError} for anything a provider did, a stream
   * without its terminal event included.
   */
  generate(request: ModelRequest, options: ModelCallOptions): Promise<ModelReply>;
}

/** A model call that failed. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  /** Stable: `rate_limited`, `server_error`, `timeout`, `connection`, `stream_truncated`, `empty_reply`, `invalid_request`, `authentication`, `quota_exhausted`, `too_large`. */
  readonly reason: string;
  readonly retryable: boolean;
  /** What the provider asked us to wait. */
  readonly retryAfterMs: number | null;
  readonly httpStatus: number | null;
  /** Whether the provider may have worked for it, and charge it: not when it refused the request, nor when nothing reached it. */
  readonly mayCost: boolean;

  constructor(
    reason: string,
    message: string,
    options: {
      retryable: boolean;
      retryAfterMs?: number | null;
      httpStatus?: number | null;
      /** True when the request never left. Default false. */
      unsent?: boolean;
      cause?: unknown;
    },
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.reason = reason;
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.httpStatus = options.httpStatus ?? null;
    this.mayCost = options.unsent !== true && (this.httpStatus ?? 0) < 400;
  }

  /** The code that a user meets when retries are used up. */
  get code(): ErrorCode {
    return this.reason === 'invalid_request' || this.reason === 'too_large' ? 'invalid_request' : 'model_unavailable';
  }
}

/** Which client and model a `provider/model` means. */
export interface ModelDirectory {
  /** The deployment's default, as `provider/model`. */
  readonly defaultModel: string;
  /** Throws a {@link ModelError} (`invalid_request`) that names the providers there are, when the provider is unknown. */
  resolve(name: string): { readonly client: ModelClient; readonly model: string };
}

/** Arguments as text from a provider, parsed; what is not a JSON object is kept as text and said so. */
export function parseArguments(text: string): { arguments: Json; malformed: string | null } {
  if (text.trim() === '') return { arguments: {}, malformed: null };
  try {
    const value = JSON.parse(text) as Json;
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return { arguments: value, malformed: null };
    return { arguments: value, malformed: 'the arguments are not a JSON object' };
  } catch (error) {
    return { arguments: text, malformed: `the arguments are not JSON: ${(error as Error).message}` };
  }
}
