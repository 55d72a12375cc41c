import type { z } from 'zod';
import type { MessagePart } from '../../contracts/attachments/content-parts.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import type { ToolCallRecord } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { ModelReply, ModelRequest } from '../../models/model-client.ts';

/** Identifies middleware across copies of this module: a template may import it by another path. */
export const MIDDLEWARE: unique symbol = Symbol.for('perdure.middleware') as never;

/** What a model call is given: instructions, messages, tools and parameters. The model itself cannot be changed. */
export type MiddlewareRequest = Omit<ModelRequest, 'model' | 'stream'>;

/** What a `model` hook returns: the reply of `next`, or one of its own, of which only the text is required. Its usage is not read: calls are counted. */
export type MiddlewareReply = Pick<ModelReply, 'text'> & Partial<ModelReply>;

/** A further model call that middleware makes. */
export interface FurtherCall {
  /** `provider/model`. Default: the model of the step. */
  readonly model?: string;
  readonly instructions?: string;
  readonly messages: ModelRequest['messages'];
  readonly temperature?: number;
  readonly maxOutputTokens?: number;
  /** The JSON Schema that the reply must match. It is sent to the provider; check the reply against it. */
  readonly outputSchema?: JsonObject;
}

/** Where a hook is called. */
export interface HookCall<Options = JsonObject> {
  readonly session: SessionKey;
  readonly runId: string;
  readonly step: number;
  readonly agent: string;
  readonly options: Options;
  /** Aborted when the run is stopped, by the timeout, and when the worker shuts down. */
  readonly signal: AbortSignal;
}

/** A hook that may call models. */
export interface ModelHookCall<Options = JsonObject> extends HookCall<Options> {
  /** The model of the step, `provider/model`. */
  readonly model: string;
  /** The attempt of the step's model call, from 1. */
  readonly attempt: number;
  /**
   * Makes a further model call. Its tokens and its cost are added to those of the step, and count against the same budgets.
   * Rejects with an error that has `retryable` if the model gives no reply.
   */
  readonly generate: (call: FurtherCall) => Promise<ModelReply>;
}

/** A message as middleware gets it. */
export interface InputMessage {
  readonly id: string;
  /** The text of its text parts. */
  readonly content: string;
  /** Its parts; absent in a message that is only text. Of images and files, the name, type and size, without the content. */
  readonly parts?: readonly MessagePart[];
}

/** What takes the place of a message: its text, or its parts. Images and files can be left out and renamed, and no others added. */
export type ChangedMessage = string | { readonly parts: readonly MessagePart[] };

/** The argument of `input`. */
export interface InputCall<Options = JsonObject> extends ModelHookCall<Options> {
  /** The messages that the run answers and that were not decided before, as the hook before this one has left them. */
  readonly messages: readonly InputMessage[];
}

/** What `input` returns. Undefined: the messages stay as they are. */
export type InputResult =
  /** What takes the place of a message, by its id; the others stay as they are. */
  | { readonly change: Readonly<Record<string, ChangedMessage>> }
  /** The run fails with `refused`, and this reason, which users see. Do not quote messages in it. */
  | { readonly refuse: string }
  /** The text that answers the run. No model is called. */
  | { readonly answer: string };

/** The argument of `model`. */
export interface ModelCall<Options = JsonObject> extends ModelHookCall<Options> {
  readonly request: MiddlewareRequest;
}

/** Makes the call: the next hook, and at last the model. Without a request, the given one is used. It may be called again. */
export type NextModel = (request?: MiddlewareRequest) => Promise<ModelReply>;

/** The argument of `tool`. */
export interface ToolHookCall<Options = JsonObject> extends HookCall<Options> {
  readonly tool: string;
  readonly arguments: Json;
  readonly callId: string;
  /** The same for every attempt of one call. */
  readonly idempotencyKey: string;
  /** The attempt of the tool call, from 1. */
  readonly attempt: number;
  /** Whether the tool may be executed again with the same idempotency key. If not, `next` executes it once. */
  readonly idempotent: boolean;
  /** Reads the tool calls of the run so far, this one included, in their order. */
  readonly calls: () => Promise<readonly ToolCallRecord[]>;
}

/** Makes the attempt: the next hook, and at last the tool. Without arguments, the given ones are used. Rejects if the tool fails. */
export type NextTool = (args?: Json) => Promise<Json>;

/** The argument of `output`. */
export interface OutputCall<Options = JsonObject> extends ModelHookCall<Options> {
  /** The messages that the run answers, as the model was given them. */
  readonly messages: readonly { readonly id: string; readonly content: string }[];
  /** The answer, as the hook before this one has left it. */
  readonly text: string;
  /** The structured answer; null if the answer is text. */
  readonly object: JsonObject | null;
}

/** What `output` returns. Undefined: the answer stays as it is. */
export type OutputResult =
  /** The text that takes the place of the answer. */
  | { readonly text: string }
  /** The run fails with `refused`, and this reason, which users see. The answer is not stored. */
  | { readonly refuse: string };

/** The code of middleware with its defaults. */
export interface MiddlewareDefinition {
  readonly name: string;
  /** Null: it takes no options. */
  readonly optionsSchema: z.ZodType | null;
  readonly timeoutMs: number;
  /** Whether text is held until the reply is final, instead of being streamed. */
  readonly holdsText: (options: JsonObject) => boolean;
  readonly input: ((call: InputCall) => unknown) | null;
  readonly model: ((call: ModelCall, next: NextModel) => unknown) | null;
  readonly tool: ((call: ToolHookCall, next: NextTool) => unknown) | null;
  readonly output: ((call: OutputCall) => unknown) | null;
}

/** Middleware as an agent lists it. Created by `defineMiddleware`. */
export interface Middleware {
  readonly name: string;
  /** As they were given; null if it takes none. */
  readonly options: JsonObject | null;
  readonly definition: MiddlewareDefinition;
  readonly [MIDDLEWARE]: true;
}

/** Middleware that takes options: `guard({ model: 'openai/gpt-5.4-mini' })`. Created by `defineMiddleware` with an `optionsSchema`. */
export interface MiddlewareFactory<Options = never> {
  (options: Options): Middleware;
  readonly definition: MiddlewareDefinition;
  readonly [MIDDLEWARE]: true;
}

/** Whether a value was created by `defineMiddleware`: with its options, or before it was called with them. */
export function isMiddleware(value: unknown): value is Middleware | MiddlewareFactory {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return isObject && MIDDLEWARE in value;
}

/** Thrown by middleware for a failure of its own. Its message is shown to users and recorded: it must not quote messages. */
export class MiddlewareError extends Error {
  override readonly name = 'MiddlewareError';
  /** Whether another attempt could succeed. Default false. Read from every error that middleware throws. */
  readonly retryable: boolean;

  constructor(message: string, options: { readonly retryable?: boolean; readonly cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.retryable = options.retryable ?? false;
  }
}
