import { ApplicationFailure, CancellationScope, sleep, uuid4 } from '@temporalio/workflow';
import type { AdmissionVerdict, AdmitOutput, MessageDelivery } from '../activities/shared/contract.ts';
import { bounded } from './activity-proxies.ts';
import { storeUnavailable } from './failures.ts';

/** Maximum number of messages in one local activity. */
const MAX_BATCH = 200;

interface PendingMessage {
  readonly delivery: MessageDelivery;
  readonly resolve: (verdict: AdmissionVerdict) => void;
  readonly reject: (error: ApplicationFailure) => void;
}

/**
 * Admits messages to the store, one batch at a time, so that verdicts come in the order of arrival. While the store is
 * unavailable, updates fail with `store_unavailable` and signals stay in the inbox.
 */
export class Admissions {
  #inbox: PendingMessage[] = [];
  #draining = false;
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
    return verdict;
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    for (let failures = 0; this.#inbox.length > 0;) {
      const batch = this.#inbox.slice(0, MAX_BATCH);
      const deliveries = batch.map(({ delivery }) => delivery);
      try {
        const output = await bounded.admitMessages({ deliveries, execution: this.#execution() });
        failures = 0;
        this.#onAdmitted(output);
        // The recorded output determines the size of the batch: on replay the inbox may hold more messages by now.
        const settled = this.#inbox.splice(0, output.verdicts.length);
        settled.forEach(({ resolve }, index) => resolve(output.verdicts[index] as AdmissionVerdict));
      } catch {
        failures += 1;
        this.#inbox.splice(0, batch.length);
        await this.#backOff(batch, failures);
      }
    }
    this.#draining = false;
  }

  /** Rejects the updates of a failed batch, puts its signals back and waits. */
  async #backOff(batch: readonly PendingMessage[], failures: number): Promise<void> {
    for (const { delivery, reject } of batch) if (delivery.via === 'update') reject(storeUnavailable());
    this.#inbox.unshift(...batch.filter(({ delivery }) => delivery.via !== 'update'));
    if (this.#inbox.length > 0) await sleep(Math.min(30_000, 500 * 2 ** failures));
  }
}
