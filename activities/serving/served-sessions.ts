import type { StopReason } from '../../contracts/session/run.ts';
import { workflowIdOf, type SessionKey } from '../../contracts/session/session-key.ts';

/** What a worker can make the activity that serves a session do. */
export interface ServedSession {
  readonly key: SessionKey;
  /** Looks for open runs, unless a run is in progress. */
  look(): void;
  /** Stops a run, if it is the one in progress. */
  stop(runId: string, reason: StopReason): void;
  /** Returns once no run is in progress. */
  leave(): void;
  /** Returns at once. The run in progress is left to another activity. */
  abandon(): void;
  /** Run id of the workflow execution that called the activity. */
  readonly execution: string;
}

/** The activities that lingered when the worker began to drain return in batches: each is a workflow task for the other workers. */
const DRAIN_BATCH = 25;
const DRAIN_BATCH_MS = 125;

/**
 * The sessions that the activities of one worker serve. When places run out, one leaves for each that is added: the one that has
 * lingered longest, since an activity that has no run to execute takes no place from those that have one; or, where none
 * lingers, the one that has been served longest, after its run. Its next run waits for its turn among the tasks of all users.
 */
export class ServedSessions {
  readonly #places: number;
  readonly #served = new Set<ServedSession>();
  /** Those that have not been asked to leave, in the order in which they were added. */
  readonly #staying = new Set<ServedSession>();
  /** In the order in which they began to linger. */
  readonly #lingering = new Set<ServedSession>();
  readonly #draining = new AbortController();

  /** With `places` sessions served, one leaves for each new one. */
  constructor(places: number) {
    this.#places = places;
  }

  /** Whether the worker takes no more work: nothing may begin to linger. */
  get isDraining(): boolean {
    return this.#draining.signal.aborted;
  }

  /** Aborted when the worker begins to drain. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** Number of activities. */
  get size(): number {
    return this.#served.size;
  }

  /** Adds a session until disposed. */
  enter(session: ServedSession): Disposable {
    if (this.#served.size >= this.#places) this.#makeRoom();
    this.#served.add(session);
    this.#staying.add(session);
    return {
      [Symbol.dispose]: () => {
        this.#served.delete(session);
        this.#staying.delete(session);
        this.#lingering.delete(session);
      },
    };
  }

  /** Marks a session as one that lingers until disposed. */
  linger(session: ServedSession): Disposable {
    this.#lingering.add(session);
    return { [Symbol.dispose]: () => this.#lingering.delete(session) };
  }

  #makeRoom(): void {
    const [lingering] = this.#lingering;
    const leaving = lingering ?? this.#staying.values().next().value;
    if (!leaving) return;
    this.#lingering.delete(leaving);
    this.#staying.delete(leaving);
    leaving.leave();
  }

  /** The activities that serve a session: usually one, another one only until it has returned. */
  of(key: SessionKey): ServedSession[] {
    const id = workflowIdOf(key);
    return [...this.#served].filter((session) => workflowIdOf(session.key) === id);
  }

  /** Ends the activities of a workflow execution that has closed. */
  endExecution(runId: string): void {
    for (const session of this.#served) if (session.execution === runId) session.abandon();
  }

  /**
   * Makes every activity that lingers return, {@link DRAIN_BATCH} at a time, and those that would begin to. The ones that began to
   * linger last are first: their next messages are the next to come.
   */
  drain(): void {
    this.#draining.abort();
    const lingering = [...this.#lingering].toReversed();
    const leave = (): void => {
      for (const session of lingering.splice(0, DRAIN_BATCH)) session.leave();
      if (lingering.length > 0) setTimeout(leave, DRAIN_BATCH_MS);
    };
    leave();
  }
}
