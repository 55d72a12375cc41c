import { ApplicationFailure, CancellationScope, sleep, uuid4 } from '@temporalio/workflow';
import type { AdmitOutput, Delivery, Verdict } from '../activities/shared/contract.ts';
import { attempt } from './activity-proxies.ts';
import { storeAway } from './failures.ts';

/** Messages handled by one local activity. */
const BATCH = 200;

interface Waiting {
  readonly delivery: Delivery;
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (error: ApplicationFailure) => void;
}

/**
 * Messages on their way to the store, one batch at a time, so that the order of arrival is the order of
 * the answers. While the store is away an update is told so, and a signal waits here.
 */
export class Admissions {
  #inbox: Waiting[] = [];
  #draining = false;
  readonly #execution: () => string | null;
  readonly #admitted: (output: AdmitOutput) => void;

  /** `admitted` hears of each batch before the senders do. */
  constructor(execution: () => string | null, admitted: (output: AdmitOutput) => void) {
    this.#execution = execution;
    this.#admitted = admitted;
  }

  /** Nothing waits and nothing is on its way. */
  get quiet(): boolean {
    return !this.#draining;
  }

  submit(input: unknown, via: Delivery['via']): Promise<Verdict> {
    const delivery = { input, via, fallbackId: uuid4() };
    const verdict = new Promise<Verdict>((resolve, reject) => {
      this.#inbox.push({ delivery, resolve, reject });
    });
    if (!this.#draining) void CancellationScope.nonCancellable(() => this.#drain());
    return verdict;
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    for (let failures = 0; this.#inbox.length > 0;) {
      const batch = this.#inbox.slice(0, BATCH);
      const deliveries = batch.map(({ delivery }) => delivery);
      try {
        const output = await attempt.admitMessages({ deliveries, execution: this.#execution() });
        failures = 0;
        this.#admitted(output);
        // The result tells how many it is about: when this is replayed, more may wait here already than did at first.
        const settled = this.#inbox.splice(0, output.verdicts.length);
        settled.forEach(({ resolve }, index) => resolve(output.verdicts[index] as Verdict));
      } catch {
        failures += 1;
        this.#inbox.splice(0, batch.length);
        await this.#putOff(batch, failures);
      }
    }
    this.#draining = false;
  }

  async #putOff(batch: readonly Waiting[], failures: number): Promise<void> {
    for (const { delivery, reject } of batch) if (delivery.via === 'update') reject(storeAway());
    this.#inbox.unshift(...batch.filter(({ delivery }) => delivery.via !== 'update'));
    if (this.#inbox.length > 0) await sleep(Math.min(30_000, 500 * 2 ** failures));
  }
}
