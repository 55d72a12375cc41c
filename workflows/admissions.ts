import { type ApplicationFailure, CancellationScope, condition, patched, uuid4 } from '@temporalio/workflow';
import type { AdmissionVerdict, AdmitOutput, MessageDelivery } from '../activities/shared/contract.ts';
import { bounded } from './activity-proxies.ts';
import { updateFailure } from './failures.ts';

/** Maximum number of messages in one local activity. */
const MAX_BATCH = 200;
/** The time for which an update is rejected with the last failure instead of starting another attempt; senders are told to wait as long. */
const RECENT_FAILURE_MS = 2_000;

interface PendingMessage {
  readonly delivery: MessageDelivery;
  readonly resolve: (verdict: AdmissionVerdict) => void;
  readonly reject: (error: ApplicationFailure) => void;
}

/**
 * Admits messages to the store, one batch at a time, so that verdicts come in the order of arrival. While the store is
 * unavailable, updates fail with `store_unavailable` and signals stay in the inbox. An exception of `onAdmitted` fails the
 * workflow task.
 */
export class Admissions {
  #inbox: PendingMessage[] = [];
  #draining = false;
  /** Whether an attempt is in progress. */
  #attempting = false;
  /** The failure of the newest attempt; null after a success. */
  #failed: { readonly failure: ApplicationFailure; readonly atMs: number } | null = null;
  /** Whether the next attempt starts before its delay is over. */
  #isWoken = false;
  readonly #execution: () => string | null;
  readonly #onAdmitted: (output: AdmitOutput) => void;

  /** `execution` as in `AdmitInput`. `onAdmitted` runs for each batch before its senders get their verdicts. */
  constructor(execution: () => string | null, onAdmitted: (output: AdmitOutput) => void) {
    this.#execution = execution;
    this.#onAdmitted = onAdmitted;
  }

  /** Whether no message is pending. */
  get isQuiescent(): boolean {
    return !this.#draining;
  }

  submit(input: unknown, via: MessageDelivery['via']): Promise<AdmissionVerdict> {
    const delivery = { input, via, fallbackId: uuid4() };
    const verdict = new Promise<AdmissionVerdict>((resolve, reject) => {
      this.#inbox.push({ delivery, resolve, reject });
    });
    if (!this.#draining) void CancellationScope.nonCancellable(() => this.#drain());
    else if (via === 'update' && this.#failed) this.#afterFailure();
    return verdict;
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    for (let failures = 0; this.#inbox.length > 0;) {
      const batch = this.#inbox.slice(0, MAX_BATCH);
      const deliveries = batch.map(({ delivery }) => delivery);
      let output: AdmitOutput;
      this.#attempting = true;
      try {
        output = await bounded.admitMessages({ deliveries, execution: this.#execution() });
      } catch (error) {
        failures += 1;
        await this.#backOff(batch, updateFailure(error), failures);
        continue;
      }
      failures = 0;
      this.#failed = null;
      this.#onAdmitted(output);
      // The recorded output determines the size of the batch: on replay the inbox may hold more messages by now.
      const settled = this.#inbox.splice(0, output.verdicts.length);
      settled.forEach(({ resolve }, index) => resolve(output.verdicts[index] as AdmissionVerdict));
    }
    this.#attempting = false;
    this.#failed = null;
    this.#draining = false;
  }

  /** Rejects the updates of a failed batch, leaves its signals in the inbox, and waits for the delay or an update. */
  async #backOff(batch: readonly PendingMessage[], failure: ApplicationFailure, failures: number): Promise<void> {
    this.#failed = { failure, atMs: Date.now() };
    this.#attempting = false;
    this.#isWoken = false;
    this.#inbox.splice(0, batch.length);
    for (const { delivery, reject } of batch) if (delivery.via === 'update') reject(failure);
    this.#inbox.unshift(...batch.filter(({ delivery }) => delivery.via !== 'update'));
    if (this.#inbox.length > 0) await condition(() => this.#isWoken, Math.min(30_000, 500 * 2 ** failures));
  }

  /**
   * Handles an update that arrived after a failed attempt. Its sender waits for seconds only, so it is rejected while the next
   * attempt is in progress and right after a failure. Later, it starts the next attempt at once.
   */
  #afterFailure(): void {
    // Earlier executions let it wait for the next attempt.
    if (!this.#failed || !patched('2026-11-updates-while-store-is-away')) return;
    const isRecent = Date.now() - this.#failed.atMs < RECENT_FAILURE_MS;
    if (this.#attempting || isRecent) this.#inbox.pop()?.reject(this.#failed.failure);
    else this.#isWoken = true;
  }
}
