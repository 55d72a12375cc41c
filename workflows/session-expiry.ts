import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import type { SessionInfo } from '../activities/shared/contract.ts';
import { bounded } from './activity-proxies.ts';

/** Delay of the first check of a session whose expiry time is unknown. */
const FIRST_CHECK_MS = 60_000;
/** Delay of the next check after one that failed because the store is unavailable. */
const STORE_RETRY_MS = 60_000;

/**
 * Checks in the store whether the session has expired, at the earliest time at which it can have. At most one timer is
 * open, and messages do not change it: when it fires, the store decides whether the session was idle for long enough or
 * when to check again. So a turn adds nothing to the history, and a session that becomes idle is checked at most twice.
 */
export class SessionExpiry {
  readonly #isTimed: boolean;
  readonly #onChecked: (session: SessionInfo | null) => void;
  #dueAtMs: number | null = null;
  #timer: CancellationScope | null = null;
  #checking = false;

  /**
   * `isTimed` false: checks only when it is called. `dueAtMs` is the time of the check that the previous execution had
   * scheduled. `onChecked` gets the session after each check; null if it does not exist.
   */
  constructor(isTimed: boolean, dueAtMs: number | null, onChecked: (session: SessionInfo | null) => void) {
    this.#isTimed = isTimed;
    this.#onChecked = onChecked;
    if (isTimed && dueAtMs !== null) void this.#wait(dueAtMs);
  }

  /** Time of the next scheduled check, in milliseconds since 1970. */
  get dueAtMs(): number | null {
    return this.#dueAtMs;
  }

  /** Whether no timed check is in progress. */
  get isQuiescent(): boolean {
    return !this.#checking;
  }

  /** Schedules a check of an active session that expires in `dueInMs` if nothing happens; undefined if that is not known. */
  scheduleCheck(dueInMs: number | undefined): void {
    if (!this.#isTimed || this.#checking || (dueInMs === undefined && this.#dueAtMs !== null)) return;
    this.#schedule(dueInMs ?? FIRST_CHECK_MS);
  }

  /** Expires the session in the store if it is due. Returns the milliseconds until the next check; null for no further check. */
  async check(): Promise<number | null> {
    try {
      const { session, dueInMs } = await bounded.expireSession();
      this.#onChecked(session);
      return dueInMs;
    } catch (error) {
      return isCancellation(error) ? null : STORE_RETRY_MS;
    }
  }

  #schedule(dueInMs: number): void {
    const dueAtMs = Date.now() + dueInMs;
    // A check that comes too early schedules the next one.
    if (this.#dueAtMs !== null && this.#dueAtMs <= dueAtMs) return;
    this.#timer?.cancel();
    void this.#wait(dueAtMs);
  }

  async #wait(dueAtMs: number): Promise<void> {
    this.#dueAtMs = dueAtMs;
    const timer = new CancellationScope();
    this.#timer = timer;
    try {
      const delayMs = Math.max(1, dueAtMs - Date.now());
      await timer.run(() => sleep(delayMs, { summary: 'check whether the session has expired' }));
    } catch (error) {
      // Rescheduled, or the workflow was cancelled.
      if (isCancellation(error)) return;
      throw error;
    }
    this.#timer = null;
    this.#dueAtMs = null;
    this.#checking = true;
    const nextMs = await this.check().finally(() => (this.#checking = false));
    if (nextMs !== null) this.#schedule(nextMs);
  }
}
