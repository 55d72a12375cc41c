import { Context } from '@temporalio/activity';
import type { StopReason } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel, LiveMessage } from '../../live/live-channel.ts';
import type { Serving, WatchedRun } from '../run/serving.ts';
import { StepStream } from '../shared/step-stream.ts';
import { cancellationOf, Stopped } from '../shared/stop-watch.ts';
import type { ServedSession, ServedSessions } from './served-sessions.ts';

const LEAVE = new Stopped({ kind: 'leave' });

/**
 * Watches a session for the activity that serves it: for stops of the run in progress, for requests of its text, for runs that
 * are admitted, and for reasons to return. They arrive on the live channel at once; from the worker, which looks into the store;
 * or by Temporal's cancellation.
 */
export class SessionWatch implements ServedSession, Disposable {
  readonly #live: LiveChannel;
  readonly #serving: Serving;
  readonly #firstRun: string;
  readonly #sessions: ServedSessions;
  readonly #cleanUp = new DisposableStack();
  #run: { readonly id: string; readonly stream: StepStream; readonly stop: AbortController } | null = null;
  /** Why Temporal has cancelled the activity. */
  #cancelled: Stopped | null = null;
  #isLeaving = false;
  /** Whether a run may be open that has not been looked for, as one that was admitted before the watch was opened. */
  #mayHaveWork = true;
  #wake: () => void = () => {};

  private constructor(live: LiveChannel, serving: Serving, firstRun: string, sessions: ServedSessions) {
    this.#live = live;
    this.#serving = serving;
    this.#firstRun = firstRun;
    this.#sessions = sessions;
  }

  /** `firstRun`: the run that the activity was called for, which Temporal's cancellation is about. */
  static async open(
    live: LiveChannel,
    serving: Serving,
    firstRun: string,
    sessions: ServedSessions,
  ): Promise<SessionWatch> {
    const watch = new SessionWatch(live, serving, firstRun, sessions);
    watch.#cleanUp.use(sessions.enter(watch));
    const subscription = await live.subscribe(serving.key, (message) => watch.#receive(message));
    watch.#cleanUp.defer(() => subscription.close());
    const context = Context.current();
    const onCancellation = (): void => watch.#cancel(cancellationOf(context));
    if (context.cancellationSignal.aborted) onCancellation();
    context.cancellationSignal.addEventListener('abort', onCancellation);
    watch.#cleanUp.defer(() => context.cancellationSignal.removeEventListener('abort', onCancellation));
    return watch;
  }

  get key(): SessionKey {
    return this.#serving.key;
  }

  readonly execution = Context.current().info.workflowExecution?.runId ?? '';

  /** Whether the activity must return once no run is in progress. */
  get isLeaving(): boolean {
    return this.#isLeaving || this.#sessions.isDraining;
  }

  /** Begins to watch for stops of a run, instead of the one before. */
  watchRun(runId: string): WatchedRun {
    const stop = new AbortController();
    const stream = new StepStream(this.#live, this.key, runId);
    this.#run = { id: runId, stream, stop };
    if (this.#cancelled) this.#cancel(this.#cancelled);
    return { stream, signal: stop.signal };
  }

  /** Resolves with true once a run may be open, and with false after `ms` or when the activity must return. */
  async linger(ms: number): Promise<boolean> {
    this.#run = null;
    if (!this.#mayHaveWork && !this.isLeaving) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, ms);
      using _lingering = this.#sessions.linger(this);
      await promise;
      clearTimeout(timer);
    }
    return this.#mayHaveWork && !this.isLeaving;
  }

  /** Takes note that the store is looked into now, for all runs that were admitted before. */
  beginLook(): void {
    this.#mayHaveWork = false;
  }

  /** Also lets the next {@link linger} return at once. */
  look(): void {
    this.#mayHaveWork = true;
    this.#wake();
  }

  stop(runId: string, reason: StopReason): void {
    if (runId === this.#run?.id) this.#run.stop.abort(new Stopped({ kind: 'stop', reason }));
  }

  leave(): void {
    this.#isLeaving = true;
    this.#wake();
  }

  abandon(): void {
    this.#cancel(LEAVE);
  }

  [Symbol.dispose](): void {
    this.#cleanUp.dispose();
  }

  #receive(message: LiveMessage): void {
    switch (message.kind) {
      case 'resend-text':
        this.#run?.stream.resend();
        break;
      case 'control':
        if (message.leaves) this.leave();
        this.stop(message.runId, message.reason);
        break;
      case 'served':
        if (this.#serving.epoch !== null && message.epoch > this.#serving.epoch) this.abandon();
        break;
      case 'appended':
      case 'serving':
        if (message.serving === 'leave') this.leave();
        else if (message.serving === 'look') this.look();
        break;
    }
  }

  #cancel(stopped: Stopped): void {
    this.#cancelled = stopped;
    // A later run is left to the next activity. If its stop was requested as well, the store has the request.
    this.#run?.stop.abort(this.#run.id === this.#firstRun ? stopped : LEAVE);
    this.leave();
  }
}
