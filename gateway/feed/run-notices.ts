import type { LiveEvent, StreamEvent } from '../../contracts/events/event.ts';
import type { Pause } from '../../contracts/admin/pause.ts';
import type { WaitingFor } from '../../contracts/session/session.ts';
import { pausedWait } from '../../core/pauses/paused-wait.ts';
import type { RunHoldup } from '../../store/read/read-run-holdups.ts';

type Failure = Extract<LiveEvent, { type: 'attempt.failed' }>;
type Wait = Extract<LiveEvent, { type: 'run.waiting' }>;

/**
 * Why the open run of a session makes no progress: the last attempt of its model call failed, or it waits. Workers publish
 * failed attempts as they happen; the rest, and what a publication has missed, comes from the store.
 */
export class RunNotices {
  #failure: Failure | null = null;
  #wait: Wait | null = null;

  /** The notices in force, for a reader that joins late. */
  get current(): readonly LiveEvent[] {
    return [this.#failure, this.#wait].filter((event) => event !== null);
  }

  /** Takes a failed attempt. False when it is known. */
  applyFailure(event: Failure): boolean {
    const known = this.#failure;
    const isNewer =
      known === null ||
      known.runId !== event.runId ||
      event.step > known.step ||
      (event.step === known.step && event.attempt > known.attempt);
    if (isNewer) this.#failure = event;
    return isNewer;
  }

  /** Removes the notices that an event has made obsolete. */
  recordEvent(event: StreamEvent): void {
    if (event.type === 'attempt.failed' || event.type === 'run.waiting' || event.type === 'message.received') return;
    if (!('runId' in event)) return;
    if (this.#wait?.runId === event.runId) this.#wait = null;
    if (this.#failure?.runId === event.runId && event.type !== 'step.retracted') this.#failure = null;
  }

  /** Takes the state in the store. Returns the events to send. `hasWorkers`: whether a worker takes work. `pauses`: what operators have paused. */
  applyHoldup(
    holdup: RunHoldup | null,
    {
      sessionId,
      at,
      hasWorkers,
      pauses = [],
    }: {
      readonly sessionId: string;
      readonly at: string;
      readonly hasWorkers: boolean;
      readonly pauses?: readonly Pause[];
    },
  ): LiveEvent[] {
    if (holdup === null) {
      this.#failure = null;
      this.#wait = null;
      return [];
    }
    const { runId, failure } = holdup;
    const events: LiveEvent[] = [];
    if (failure !== null) {
      const { at: failedAt, ...rest } = failure;
      const event = {
        type: 'attempt.failed',
        at: failedAt,
        sessionId,
        runId,
        ...rest,
        maxAttempts: null,
        detail: null,
      } as const;
      if (this.applyFailure(event)) events.push(event);
    }
    const waitingFor = waitOf(holdup, hasWorkers, pauses);
    const before = this.#wait;
    if (waitingFor === null) this.#wait = null;
    else {
      const same = before?.runId === runId && before.waitingFor.what === waitingFor.what;
      this.#wait = { type: 'run.waiting', at, sessionId, runId, waitingFor };
      if (!same) events.push(this.#wait);
    }
    return events;
  }
}

function waitOf(
  { wait, since, pausable }: RunHoldup,
  hasWorkers: boolean,
  pauses: readonly Pause[],
): WaitingFor | null {
  if (!hasWorkers) return { what: 'worker', since, who: 'a worker', until: null };
  const paused = pausable && pausedWait(pauses, pausable);
  if (paused) return paused;
  if (wait === null) return null;
  return { what: wait.kind, since: wait.since, who: `the provider ${wait.provider}`, until: wait.until };
}
