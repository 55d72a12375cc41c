import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';

/** How soon a session is looked at whose expiry is not known here. */
const SOON_MS = 60_000;

/**
 * Looks whether a session has expired, when that may be so. One timer is open at a time, and messages leave it alone:
 * when it fires, the store says whether the session has been idle for long enough, or when to look again. So a turn
 * adds nothing to the history, and an idle session two looks at most for each time that it was used.
 */
export class Lifetime {
  #dueAtMs: number | null;
  #timer: CancellationScope | null = null;
  #looking = false;
  readonly #look: () => Promise<number | null>;

  /** `look` answers when to look again, in ms; null for never. `dueAtMs` is what the execution before had planned. */
  constructor(look: () => Promise<number | null>, dueAtMs: number | null) {
    this.#look = look;
    this.#dueAtMs = dueAtMs;
    if (dueAtMs !== null) void this.#wait(dueAtMs);
  }

  /** For the next execution. */
  get dueAtMs(): number | null {
    return this.#dueAtMs;
  }

  /** Nothing is being asked. */
  get quiet(): boolean {
    return !this.#looking;
  }

  /** The session is active and has so long to live if nothing happens; undefined where that is not known here. */
  lives(dueInMs: number | undefined): void {
    if (this.#looking || (dueInMs === undefined && this.#dueAtMs !== null)) return;
    this.#plan(dueInMs ?? SOON_MS);
  }

  #plan(dueInMs: number): void {
    const dueAtMs = Date.now() + dueInMs;
    // A look that comes too early plans the next one.
    if (this.#dueAtMs !== null && this.#dueAtMs <= dueAtMs) return;
    this.#timer?.cancel();
    void this.#wait(dueAtMs);
  }

  async #wait(dueAtMs: number): Promise<void> {
    this.#dueAtMs = dueAtMs;
    const timer = new CancellationScope();
    this.#timer = timer;
    try {
      const pauseMs = Math.max(1, dueAtMs - Date.now());
      await timer.run(() => sleep(pauseMs, { summary: 'look whether the session has expired' }));
    } catch (error) {
      // Planned anew, or the workflow is over.
      if (isCancellation(error)) return;
      throw error;
    }
    this.#timer = null;
    this.#dueAtMs = null;
    this.#looking = true;
    const next = await this.#look().finally(() => (this.#looking = false));
    if (next !== null) this.#plan(next);
  }
}
