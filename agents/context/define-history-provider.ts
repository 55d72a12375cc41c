import { z } from 'zod';
import { historySwitchesSchema } from '../../contracts/session/history.ts';
import type { ContributedMessage } from '../../contracts/capabilities/context-provider.ts';
import type { JsonObject } from '../../contracts/json.ts';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import { CONTEXT_PROVIDER, type AnsweredRun, type ContextProvider, type ProviderRun } from './context-provider.ts';
import { defineContextProvider, type ContextProviderOptions } from './define-context-provider.ts';

/** The argument of `load`. */
export type HistoryRun = Omit<ProviderRun, 'state' | 'options' | 'folder' | 'memories'>;

/** The argument of `store`: what the switches of the agent select. */
export interface StoredRun extends Omit<HistoryRun, 'messages'> {
  /** The messages that the run has answered; empty with `storeInputs: false`. */
  readonly inputs: HistoryRun['messages'];
  /** Null with `storeOutputs: false`. */
  readonly outputs: {
    /** The answer. */
    readonly text: string;
    /** The structured answer; null if the answer is text. */
    readonly object: JsonObject | null;
    /** Every reply and tool result of the run, in order. */
    readonly entries: readonly TranscriptEntry[];
  } | null;
  /** The messages that the agent's context providers have added; empty without `storeContext: true`. */
  readonly context: readonly ContributedMessage[];
}

export interface HistoryProviderOptions extends Pick<
  ContextProviderOptions,
  'name' | 'timeoutMs' | 'maxAttempts' | 'onError'
> {
  /**
   * Returns the earlier messages of the conversation, the oldest first, without those of the run. Called once for each run,
   * before its first model call: what it returns is stored with the run.
   */
  readonly load?: (
    run: HistoryRun,
  ) => readonly ContributedMessage[] | undefined | Promise<readonly ContributedMessage[] | undefined>;
  /** Stores a run. Called at least once, after its answer was committed: use `idempotencyKey`. Not called for a run that fails or is cancelled. */
  readonly store?: (run: StoredRun) => void | Promise<void>;
}

/** A history provider as agents name it: `history: { provider: crm }`. Created by {@link defineHistoryProvider}. */
export interface HistoryProvider extends ContextProvider {
  readonly definition: ContextProvider['definition'] & { readonly isHistory: true };
}

/** Defines where agents keep their conversations instead of in the store. Throws a TypeError that lists every invalid field with its value and the remedy. */
export function defineHistoryProvider({ load, store, ...options }: HistoryProviderOptions): HistoryProvider {
  const wrong = Object.entries({ load, store }).find(([, given]) => given !== undefined && typeof given !== 'function');
  const name = JSON.stringify(options.name) ?? 'without a name';
  if (wrong) throw new TypeError(`The history provider ${name} is not valid: ${wrong[0]} must be a function.`);
  if (!load && !store) {
    throw new TypeError(`The history provider ${name} is not valid: define at least one of load and store.`);
  }
  const { definition } = defineContextProvider<typeof historySwitchesSchema>({
    ...options,
    optionsSchema: historySwitchesSchema,
    beforeRun: async (run) => {
      if (!load || !run.options.load) return {};
      return { messages: await load(historyRun(run)) };
    },
    ...(store ? { afterRun: (run) => store(storedRun(options.name, run)) } : {}),
  });
  return Object.freeze({
    name: options.name,
    options: null,
    definition: Object.freeze({ ...definition, isHistory: true as const }),
    [CONTEXT_PROVIDER]: true as const,
  });
}

type Switches = z.output<typeof historySwitchesSchema>;

function historyRun({ session, runId, agent, messages, metadata, idempotencyKey, attempt, signal }: HistoryRun) {
  return { session, runId, agent, messages, metadata, idempotencyKey, attempt, signal };
}

function storedRun(provider: string, run: AnsweredRun<JsonObject, Switches>): StoredRun {
  const { storeInputs, storeOutputs, storeContext } = run.options;
  const { messages, ...rest } = historyRun(run);
  const entries = run.transcript.filter(({ role }) => role !== 'user');
  const others = run.contributions.filter((contribution) => contribution.provider !== provider);
  return {
    ...rest,
    inputs: storeInputs ? messages : [],
    outputs: storeOutputs ? { text: run.output, object: run.object, entries } : null,
    context: storeContext ? others.flatMap(({ messages: added = [] }) => added) : [],
  };
}
