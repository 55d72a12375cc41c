import { Context } from '@temporalio/activity';
import type { StopReason } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel } from '../../live/live-channel.ts';

/** The activity has to return: `stop` for a user's cancel, `leave` when the worker goes or Temporal gave the work to another. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
  readonly why: { readonly kind: 'stop'; readonly reason: StopReason } | { readonly kind: 'leave' };

  constructor(cause: Stopped['why']) {
    super(cause.kind === 'stop' ? `The run was stopped: ${cause.reason}.` : 'The worker is leaving this run.');
    this.why = cause;
  }
}

export interface StopWatch extends Disposable {
  /** Aborted with a {@link Stopped} as its reason. */
  readonly signal: AbortSignal;
}

/**
 * Watches for the end of a run's work: the live channel's bell, which comes at once, and Temporal's own
 * cancellation, which comes with a heartbeat. `whoSpeaks` is called when a reader asks for the text so far.
 */
export async function watchForStop(
  live: LiveChannel,
  key: SessionKey,
  runId: string,
  whoSpeaks: () => void,
): Promise<StopWatch> {
  const context = Context.current();
  const stop = new AbortController();
  const subscription = await live.subscribe(key, (message) => {
    if (message.kind === 'who-speaks') whoSpeaks();
    else if (message.kind === 'control' && message.runId === runId) {
      stop.abort(new Stopped({ kind: 'stop', reason: message.reason }));
    }
  });
  const onCancellation = () => {
    const asked = context.cancellationDetails?.cancelRequested ?? false;
    stop.abort(new Stopped(asked ? { kind: 'stop', reason: 'cancelled' } : { kind: 'leave' }));
  };
  if (context.cancellationSignal.aborted) onCancellation();
  context.cancellationSignal.addEventListener('abort', onCancellation);
  return {
    signal: stop.signal,
    [Symbol.dispose]: () => {
      subscription.close();
      context.cancellationSignal.removeEventListener('abort', onCancellation);
    },
  };
}
