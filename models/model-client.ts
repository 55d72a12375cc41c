import type { ErrorCode } from '../contracts/errors.ts';
import type { Json, JsonObject } from '../contracts/json.ts';
import type { Finish, ProviderConversation, ProviderFields, ToolCallRequest, Usage } from '../contracts/session/run.ts';

/** A part of a message of the user. */
export type ModelPart =
  | { readonly type: 'text'; readonly text: string }
  | ModelAttachment
  /** The content of an attachment in base64. */
  | {
      readonly type: 'image' | 'file';
      readonly name: string;
      readonly contentType: string;
      readonly size: number;
      readonly base64: string;
    };

/** An attachment whose content is read just before the call. Adapters never get it. */
export interface ModelAttachment {
  readonly type: 'attachment';
  readonly attachmentId: string;
  readonly name: string;
  readonly contentType: string;
  /** In bytes. */
  readonly size: number;
  /** Whether it belongs to the run of the call. The model need not accept those of earlier runs. */
  readonly isOfRun: boolean;
}

/** A message of the conversation in a model request. */
export type ModelMessage =
  | {
      readonly role: 'system' | 'user';
      /** The text; with `parts`, that of the text parts. */
      readonly content: string;
      /** Absent in a message that is only text. */
      readonly parts?: readonly ModelPart[];
    }
  | {
      readonly role: 'assistant';
      readonly content: string;
      readonly toolCalls: readonly ToolCallRequest[];
      /** What the same model attached to this reply, and gets back with it. */
      readonly providerFields?: ProviderFields;
    }
  | { readonly role: 'tool'; readonly callId: string; readonly tool: string; readonly content: string };

/** Where a provider keeps a conversation. */
export type ConversationRef = Omit<ProviderConversation, 'model'>;

/** A conversation that the provider keeps, and that a call continues. */
export interface KeptConversation {
  /** Null: it has nothing yet, and keeps what it is sent. */
  readonly previous: ConversationRef | null;
  /** Whether to check first that `previous` is unchanged since the reply that it is of. Default false. */
  readonly verify?: boolean;
  /** The tokens that the provider has; an estimate if it has not reported them. */
  readonly keptTokens: number;
}

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
  /** The JSON Schema that the final reply must match. Absent: the reply is text. */
  readonly outputSchema?: JsonObject | undefined;
  /** Has the provider keep the conversation: `messages` is what is new. Absent: it stores nothing, and `messages` is all. */
  readonly conversation?: KeptConversation | undefined;
  /** False: no deltas. */
  readonly stream: boolean;
}

export interface ModelReply {
  readonly text: string;
  /** Empty if the provider sends none. */
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCallRequest[];
  /** What the provider attached to a reply with tool calls, and has to get back with it. */
  readonly providerFields?: ProviderFields;
  /** Where the provider keeps the conversation up to this reply, if it was asked to. Absent where its calls cannot be answered by their ids. */
  readonly conversation?: ConversationRef;
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
  /** The longest time without a byte from the provider. Default: the client's. */
  readonly silenceMs?: number;
}

/** A client of one provider. `test/models/model-client.testsuite.ts` tests every implementation. */
export interface ModelClient {
  /** The provider's part of `provider/model`: `openai`, `local`, `scripted`, … */
  readonly provider: string;
  /** Whether it can keep a conversation. Default false: a request with `conversation` is not sent to it. */
  readonly keepsConversations?: boolean;
  /**
   * Makes one model call, without retries. Rejects with a {@link ModelError} for every failure of the provider or network,
   * including a stream without its terminal event.
   */
  generate(request: ModelRequest, options: ModelCallOptions): Promise<ModelReply>;
  /**
   * Deletes what the provider keeps of a conversation. Resolves with false if it has no such conversation. Rejects with a {@link ModelError}.
   * Absent: it keeps none.
   */
  deleteKept?(kept: Pick<ConversationRef, 'kind' | 'id'>, model: string, signal: AbortSignal): Promise<boolean>;
}

/**
 * How a provider described an error. The codes have the form of an identifier. The message is cut, and free of control
 * characters and keys, but may quote the conversation: it belongs in the store, and in no log, metric, trace or failure.
 */
export interface ProviderReport {
  readonly code: string | null;
  readonly type: string | null;
  /** The field of the request that the error is about. */
  readonly param: string | null;
  readonly message: string | null;
}

/** A model call that failed. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  /** Stable: `rate_limited`, `server_error`, `timeout`, `connection`, `stream_truncated`, `empty_reply`, `invalid_request`, `authentication`, `quota_exhausted`, `too_large`, `unsupported_content`; `conversation_lost` and `conversation_unsettled` of a request that continues a conversation. */
  readonly reason: string;
  readonly retryable: boolean;
  /** The delay that the provider requested. */
  readonly retryAfterMs: number | null;
  readonly httpStatus: number | null;
  /** Whether the provider may charge for the call. False if it rejected the request, or was not reached. */
  readonly mayCost: boolean;
  /** Null if the provider described no error. */
  readonly report: ProviderReport | null;

  constructor(
    reason: string,
    message: string,
    options: {
      retryable: boolean;
      retryAfterMs?: number | null;
      httpStatus?: number | null;
      /** Whether the request was not sent. Default false. */
      unsent?: boolean;
      report?: ProviderReport | null;
      cause?: unknown;
    },
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.reason = reason;
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.httpStatus = options.httpStatus ?? null;
    this.mayCost = options.unsent !== true && (this.httpStatus ?? 0) < 300;
    this.report = options.report ?? null;
  }

  /** The code of the run's error when retries are used up. */
  get code(): ErrorCode {
    if (this.reason === 'unsupported_content') return this.reason;
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
