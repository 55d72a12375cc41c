import type { z } from 'zod';
import type { ContributedMessage, ProvidedContext } from '../../contracts/capabilities/context-provider.ts';
import type { JsonObject } from '../../contracts/json.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import type { Tool } from '../define-tool.ts';
import type { ToolMemories } from '../tool-memories.ts';

/** Identifies providers across copies of this module: a template may import it by another path. */
export const CONTEXT_PROVIDER: unique symbol = Symbol.for('perdure.contextProvider') as never;

/** A shallow merge patch: null removes a key. */
type Patch<T> = { readonly [K in keyof T]?: T[K] | null | undefined };

/** A patch of the provider's state, or a function that computes it from the current value. The function runs under the session's lock: keep it synchronous and free of side effects; it may run more than once. */
export type ProviderStatePatch<Read = JsonObject, Write = Read> = Patch<Write> | ((now: Read) => Patch<Write>);

/** The argument of `beforeRun`. */
export interface ProviderRun<State = JsonObject, Options = JsonObject> {
  readonly session: SessionKey;
  readonly runId: string;
  readonly agent: string;
  /** The messages that the run answers, as far as they have arrived. A message that steers the run later is not among them. */
  readonly messages: readonly { readonly id: string; readonly content: string }[];
  /** The session's metadata. */
  readonly metadata: JsonObject;
  /** Long-term memory of the session's user. What an attempt remembers stays when the attempt is repeated; the same text is remembered once. */
  readonly memories: ToolMemories;
  /** The provider's own state in this session, migrated and checked by `stateSchema`. */
  readonly state: State;
  readonly options: Options;
  /** Relative paths in options are relative to this folder: the folder of agents, or the working directory without one. */
  readonly folder: string;
  /** The same for every attempt of this call. Pass it to services that must not act twice. */
  readonly idempotencyKey: string;
  /** Counts from 1. */
  readonly attempt: number;
  /** Aborted when the run is stopped, by the timeout, and when the worker shuts down. */
  readonly signal: AbortSignal;
}

/** The argument of `afterRun`. */
export interface AnsweredRun<State = JsonObject, Options = JsonObject> extends ProviderRun<State, Options> {
  /** The text of the answer. */
  readonly output: string;
  /** The structured answer; null if the answer is text. */
  readonly object: JsonObject | null;
  /** The messages, replies and tool calls of this run, in order. */
  readonly transcript: readonly TranscriptEntry[];
  /** What the agent's providers have added to the run, in their order. */
  readonly contributions: readonly ProvidedContext[];
  /**
   * Calls a model, within the budgets of the user, the session and the run, to whose cost it is added; at most 8 calls in an attempt. Its time
   * does not count against `timeoutMs`. A reply that does not match the schema is repaired as an answer is. Rejects with an error that has `retryable`.
   */
  readonly generate: (call: ProviderCall) => Promise<ProviderReply>;
}

/** A model call that a context provider makes. */
export interface ProviderCall {
  /** `provider/model`. Default: the model of the run. */
  readonly model?: string | undefined;
  readonly instructions: string;
  readonly messages: readonly ContributedMessage[];
  /** The JSON Schema that the reply must match; its root is an object. Default: the reply is text. */
  readonly schema?: JsonObject | undefined;
  readonly maxOutputTokens?: number | undefined;
}

/** The reply of a {@link ProviderCall}. */
export interface ProviderReply {
  readonly text: string;
  /** What matches the schema; null without one. */
  readonly object: JsonObject | null;
}

/** What `beforeRun` returns. Stored with the run: every model call of the run, on any worker, gets the same. */
export interface ProviderContribution<Read = JsonObject, Write = Read> {
  /** Added after the agent's instructions, in the order of the agent's providers. */
  readonly instructions?: string | undefined;
  /** Added after earlier runs and before the run's own messages. Later runs do not see them. */
  readonly messages?: readonly ContributedMessage[] | undefined;
  /** Tools for this run, by name or as objects: some of those that the provider declares in `tools`. */
  readonly tools?: readonly (Tool | string)[] | undefined;
  /** A change of the provider's state, made together with the contribution. */
  readonly state?: ProviderStatePatch<Read, Write> | undefined;
}

/** What `afterRun` returns. */
export interface ProviderResult<Read = JsonObject, Write = Read> {
  /** A change of the provider's state. It is made once for each run, however often `afterRun` was called. */
  readonly state?: ProviderStatePatch<Read, Write> | undefined;
  /** What to remember of the user, at most 32 texts, in the same transaction: once for each run. `replaces`: the memory that it corrects; if that is no longer there, it corrects none. */
  readonly remember?: readonly { readonly content: string; readonly replaces?: string | undefined }[] | undefined;
}

/** The code of a context provider with its defaults. */
export interface ProviderDefinition {
  readonly name: string;
  /** Null: the provider takes no options. */
  readonly optionsSchema: z.ZodType | null;
  /** Null: any JSON object. */
  readonly stateSchema: z.ZodType | null;
  readonly stateVersion: number;
  readonly migrateState: ((state: JsonObject, fromVersion: number) => JsonObject) | null;
  readonly tools: readonly Tool[];
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  readonly onError: 'fail' | 'skip';
  readonly checkOptions: ((options: JsonObject, folder: string) => string | null) | null;
  readonly beforeRun: ((run: ProviderRun) => unknown) | null;
  readonly afterRun: ((run: AnsweredRun) => unknown) | null;
  /** When `afterRun` is called: before the run completes, or in the background after that. Default `wait`. */
  readonly afterRunMode?: 'wait' | 'background';
  /** Whether `afterRun` is called with these options. Null: it is. */
  readonly needsAfterRun?: ((options: JsonObject) => boolean) | null;
  /** Whether it is a history provider, which agents name in `history`. Default false. */
  readonly isHistory?: boolean;
}

/** A context provider as an agent lists it. Created by `defineContextProvider`. */
export interface ContextProvider {
  readonly name: string;
  /** As they were given; null if the provider takes none. */
  readonly options: JsonObject | null;
  readonly definition: ProviderDefinition;
  readonly [CONTEXT_PROVIDER]: true;
}

/** A context provider that takes options: `documents({ folder: './handbook' })`. Created by `defineContextProvider` with an `optionsSchema`. */
export interface ContextProviderFactory<Options = never> {
  (options: Options): ContextProvider;
  readonly definition: ProviderDefinition;
  readonly [CONTEXT_PROVIDER]: true;
}

/** Whether a value was created by `defineContextProvider`: with its options, or before it was called with them. */
export function isContextProvider(value: unknown): value is ContextProvider | ContextProviderFactory {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return isObject && CONTEXT_PROVIDER in value;
}
