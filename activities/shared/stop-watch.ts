import { Context } from '@temporalio/activity';
import type { StopReason } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel } from '../../live/live-channel.ts';

/**
 * The activity must return. `stop`: the run is cancelled. `leave`: the worker is shutting down, or Temporal has given
 * the activity to another worker.
 */
export class Stopped extends Error {
  override readonly name = 'Stopped';
  readonly why: { readonly kind: 'stop'; readonly reason: StopReason } | { readonly kind: 'leave' };

  constructor(why: Stopped['why']) {
    super(why.kind === 'stop' ? `The run was stopped: ${why.reason}.` : 'The worker stopped working on this run.');
    this.why = why;
  }
}

/** Why Temporal has cancelled an activity. It gives no reason of a stop: `commitRunEnd` uses the one that was recorded with the request. */
export function cancellationOf({ cancellationDetails }: Context): Stopped {
  const requested = cancellationDetails?.cancelRequested ?? false;
  return new Stopped(requested ? { kind: 'stop', reason: 'cancelled' } : { kind: 'leave' });
}

export interface StopWatch extends Disposable {
  /** Aborted with a {@link Stopped} as its reason. */
  readonly signal: AbortSignal;
}

/**
 * Aborts when the activity must stop: on a control message of the live channel, which arrives at once, or on Temporal's
 * cancellation, which arrives with a heartbeat. `onResendText` is called when a reader requests the text so far.
 */
export async function watchForStop(
  live: LiveChannel,
  key: SessionKey,
  runId: string,
  onResendText: () => void,
): Promise<StopWatch> {
  const context = Context.current();
  const stop = new AbortController();
  const subscription = await live.subscribe(key, (message) => {
    if (message.kind === 'resend-text') onResendText();
    else if (message.kind === 'control' && message.runId === runId) {
      stop.abort(new Stopped({ kind: 'stop', reason: message.reason }));
    }
  });
  const onCancellation = () => stop.abort(cancellationOf(context));
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
