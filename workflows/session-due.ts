import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import type { SettleDueOutput } from '../activities/shared/contract.ts';
import { bounded } from './activity-proxies.ts';

/** Delay of the next attempt after one that failed because the store is unavailable. */
const STORE_RETRY_MS = 60_000;

/**
 * The deadlines and reminders of the tool calls that wait for somebody. At most one timer is open, for the earliest of them: when it
 * fires, the store does what is due and returns when to do so again. Answers do not change the timer.
 */
export class SessionDue {
  readonly #onSettled: (settled: SettleDueOutput) => void;
  #dueAtMs: number | null = null;
  #timer: CancellationScope | null = null;
  #settling = false;

  /** `dueAtMs` is the time that the previous execution had scheduled. */
  constructor(dueAtMs: number | null, onSettled: (settled: SettleDueOutput) => void) {
    this.#onSettled = onSettled;
    if (dueAtMs !== null) void this.#wait(dueAtMs);
  }

  /** When the timer fires, in milliseconds since 1970; null without one. */
  get dueAtMs(): number | null {
    return this.#dueAtMs;
  }

  /** Whether nothing is being settled. */
  get isQuiescent(): boolean {
    return !this.#settling;
  }

  /** Whether the timer is open, or something is being settled. */
  get isPending(): boolean {
    return this.#dueAtMs !== null || this.#settling;
  }

  /** Settles what is due in `dueInMs`, or earlier if that was scheduled before. Null: nothing waits. */
  schedule(dueInMs: number | null): void {
    if (dueInMs === null) return;
    const dueAtMs = Date.now() + dueInMs;
    if (this.#dueAtMs !== null && this.#dueAtMs <= dueAtMs) return;
    this.#timer?.cancel();
    void this.#wait(dueAtMs);
  }

  /** Closes the timer: nothing waits any more. */
  clear(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#dueAtMs = null;
  }

  async #wait(dueAtMs: number): Promise<void> {
    this.#dueAtMs = dueAtMs;
    const timer = new CancellationScope();
    this.#timer = timer;
    try {
      const delayMs = dueAtMs - Date.now();
      // The store reports 1 for what is overdue, and a server may take a second to fire the shortest timer.
      if (delayMs > 1)
        await timer.run(() => sleep(delayMs, { summary: 'a deadline or reminder of a tool call that waits' }));
    } catch (error) {
      // Rescheduled, closed, or the workflow was cancelled.
      if (isCancellation(error)) return;
      throw error;
    }
    this.#timer = null;
    this.#dueAtMs = null;
    this.#settling = true;
    const dueInMs = await this.#settle().finally(() => (this.#settling = false));
    this.schedule(dueInMs);
  }

  async #settle(): Promise<number | null> {
    try {
      const settled = await bounded.settleDue();
      this.#onSettled(settled);
      return settled.dueInMs;
    } catch (error) {
      return isCancellation(error) ? null : STORE_RETRY_MS;
    }
  }
}
