import type { ErrorCode } from '../contracts/errors.ts';
import type { Json } from '../contracts/json.ts';
import type { Finish, ToolCallRequest, Usage } from '../contracts/session/run.ts';

/** A message of the conversation in a model request. */
export type ModelMessage =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | { readonly role: 'assistant'; readonly content: string; readonly toolCalls: readonly ToolCallRequest[] }
  | { readonly role: 'tool'; readonly callId: string; readonly tool: string; readonly content: string };

export interface ModelRequest {
  /** The model's name, without the provider. */
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
  /** False: no deltas. */
  readonly stream: boolean;
}

export interface ModelReply {
  readonly text: string;
  /** Empty if the provider sends none. */
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCallRequest[];
  readonly finish: Finish;
  /** Null if the provider does not report it. */
  readonly usage: Usage | null;
  /** The model's name as the provider reports it, which may be more specific than the requested one. */
  readonly model: string;
}

export interface ModelCallOptions {
  /** Aborts the HTTP request; `generate` then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Called in order with each piece of text. The pieces of a kind concatenate to the reply's text or reasoning. */
  readonly onDelta: (delta: { readonly kind: 'text' | 'reasoning'; readonly text: string }) => void;
}

/** A client of one provider. `test/models/model-client.testsuite.ts` tests every implementation. */
export interface ModelClient {
  /** The provider's part of `provider/model`: `openai`, `local`, `scripted`, … */
  readonly provider: string;
  /**
   * Makes one model call, without retries. Rejects with a {@link ModelError} for every failure of the provider or network,
   * including a stream without its terminal event.
   */
  generate(request: ModelRequest, options: ModelCallOptions): Promise<ModelReply>;
}

/** A model call that failed. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  /** Stable: `rate_limited`, `server_error`, `timeout`, `connection`, `stream_truncated`, `empty_reply`, `invalid_request`, `authentication`, `quota_exhausted`, `too_large`. */
  readonly reason: string;
  readonly retryable: boolean;
  /** The delay that the provider requested. */
  readonly retryAfterMs: number | null;
  readonly httpStatus: number | null;
  /** Whether the provider may charge for the call. False if it rejected the request, or was not reached. */
  readonly mayCost: boolean;

  constructor(
    reason: string,
    message: string,
    options: {
      retryable: boolean;
      retryAfterMs?: number | null;
      httpStatus?: number | null;
      /** Whether the request was not sent. Default false. */
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

  /** The code of the run's error when retries are used up. */
  get code(): ErrorCode {
    return this.reason === 'invalid_request' || this.reason === 'too_large' ? 'invalid_request' : 'model_unavailable';
  }
}

/** Resolves `provider/model` to a client and a model. */
export interface ModelDirectory {
  /** The deployment's default, as `provider/model`. */
  readonly defaultModel: string;
  /** Throws a {@link ModelError} (`invalid_request`), which lists the providers, for an unknown one. */
  resolve(name: string): { readonly client: ModelClient; readonly model: string };
}

/** Parses a tool call's arguments. `malformed` explains why they are not a JSON object; `arguments` then has the value or the text. */
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
