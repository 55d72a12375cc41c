import type { AnsweredRun, ProviderCall, ProviderReply, ProviderRun } from '../../agents/context/context-provider.ts';
import type { ContextPhase } from '../../contracts/capabilities/context-provider.ts';
import { describeThrown } from '../tools/describe-thrown.ts';
import { PausableTimer } from '../shared/pausable-timer.ts';
import { checkReturn, type ProviderReturn } from './contribution.ts';
import type { ListedProvider } from '../shared/listed-providers.ts';
import { readProviderState } from './provider-state.ts';

/** How one attempt of a call ended. */
export type CallAttempt =
  | ({ readonly status: 'completed' } & ProviderReturn)
  /** `error` may quote content: it belongs in the store only. */
  | { readonly status: 'failed' | 'timed-out'; readonly error: string; readonly retryable: boolean }
  /** The signal was aborted. */
  | { readonly status: 'stopped' };

/** The run as a provider gets it, without what is the provider's own. */
export type GivenRun = Omit<AnsweredRun, 'state' | 'options' | 'signal' | 'generate'> & {
  readonly generate: (call: ProviderCall, signal: AbortSignal) => Promise<ProviderReply>;
};

/**
 * Makes one attempt. Never rejects. Returns as soon as the signal is aborted or the timeout is over; what the provider returns
 * or throws afterwards is dropped. A provider that blocks the thread cannot be stopped.
 */
export async function attemptCall(
  provider: ListedProvider,
  phase: ContextPhase,
  given: GivenRun & { readonly namespace: ProviderRun['state'] },
  signal: AbortSignal,
): Promise<CallAttempt> {
  if (signal.aborted) return { status: 'stopped' };
  const { timeoutMs } = provider.definition;
  const stop = new AbortController();
  const ended = Promise.withResolvers<CallAttempt>();
  const end = (attempt: CallAttempt, reason: unknown): void => {
    // Resolved before the abort, so that an error thrown because of the abort is not taken for the outcome.
    ended.resolve(attempt);
    stop.abort(reason);
  };
  const onStop = (): void => end({ status: 'stopped' }, signal.reason);
  const error = `It timed out after ${timeoutMs} ms.`;
  const timer = new PausableTimer(timeoutMs, () =>
    end({ status: 'timed-out', error, retryable: true }, new DOMException(error, 'TimeoutError')),
  );
  const generate = (of: ProviderCall) => timer.pauseFor(() => given.generate(of, stop.signal));
  signal.addEventListener('abort', onStop, { once: true });
  try {
    return await Promise.race([ended.promise, call(provider, phase, { ...given, generate }, stop.signal)]);
  } finally {
    timer.stop();
    signal.removeEventListener('abort', onStop);
  }
}

async function call(
  { definition, options, mcp }: ListedProvider,
  phase: ContextPhase,
  {
    namespace,
    output,
    object,
    transcript,
    contributions,
    memories,
    generate,
    ...run
  }: Omit<GivenRun, 'generate'> & Pick<AnsweredRun, 'generate'> & { readonly namespace: ProviderRun['state'] },
  signal: AbortSignal,
): Promise<CallAttempt> {
  try {
    if (mcp) return { status: 'completed', contribution: await mcp.contribute(signal), state: null, remember: [] };
    const own = {
      ...structuredClone(run),
      memories,
      state: readProviderState(definition, namespace),
      options: definition.optionsSchema?.parse(options ?? {}) as ProviderRun['options'],
      signal,
    };
    const returned =
      phase === 'before'
        ? await definition.beforeRun?.(own)
        : await definition.afterRun?.({
            ...own,
            output,
            generate,
            ...structuredClone({ object, transcript, contributions }),
          });
    return { status: 'completed', ...checkReturn(definition, phase, returned) };
  } catch (thrown) {
    const { message, retryable } = describeThrown(thrown);
    return { status: 'failed', error: message, retryable };
  }
}
