import { estimateWait, findOverload, type Overload } from '../../../core/load/estimate-wait.ts';
import { addSample, NO_LOAD, type LoadWindow } from '../../../core/load/load-window.ts';
import { seededRandom } from '../../support/seeded-random.ts';

export const LIMIT_MS = 30_000;
const TICK_MS = 50;
const SAMPLE_MS = 1_000;

export interface Simulation {
  readonly seed: number;
  readonly seconds: number;
  /** Runs that the workers can begin per second. */
  readonly capacity: (atMs: number) => number;
  /** Messages that arrive per second, on average. */
  readonly arrivals: (atMs: number) => number;
  /** The user of a message. `random`: from 0 to below 1. */
  readonly user: (random: number) => string;
  /** The order in which runs that wait begin. */
  readonly order: 'turns' | 'arrival';
  /** Runs that wait and never begin. Default 0. */
  readonly stuck?: number;
}

export interface Refused extends Overload {
  readonly user: string;
  readonly atMs: number;
}

export interface Outcome {
  /** Waits of the accepted messages that have begun, in ms, by user. */
  readonly waits: ReadonlyMap<string, readonly number[]>;
  readonly longestMs: number;
  readonly refused: readonly Refused[];
  readonly begun: number;
  /** Time in which the workers could have begun a run and none waited, from the first refusal to the last, in ms. */
  readonly idleMs: number;
}

/** Plays arrivals, admission and workers in virtual time, with the product's estimate. */
export function simulate({ seed, seconds, capacity, arrivals, user, order, stuck = 0 }: Simulation): Outcome {
  const random = seededRandom(seed);
  const queues = new Map<string, number[]>();
  const waits = new Map<string, number[]>();
  /** Of the runs that wait, in the order of their arrival. */
  const senders: string[] = [];
  const refused: Refused[] = [];
  const sums = { runs: 0, measured: 0, waitedMs: 0 };
  let window: LoadWindow = NO_LOAD;
  let credit = 0;
  let idleMs = 0;
  let idleSinceRefusalMs = 0;
  for (let atMs = 0; atMs < seconds * 1_000; atMs += TICK_MS) {
    if (atMs % SAMPLE_MS === 0) window = addSample(window, sample(atMs));
    const estimate = estimateWait(window);
    for (let left = poisson((arrivals(atMs) * TICK_MS) / 1_000, random); left > 0; left -= 1) {
      const sender = user(random());
      const overload = findOverload(estimate, { user: sender, limitMs: LIMIT_MS, random: random() });
      if (overload === null) {
        const queue = queues.get(sender);
        if (queue) queue.push(atMs);
        else queues.set(sender, [atMs]);
        senders.push(sender);
      } else {
        refused.push({ ...overload, user: sender, atMs });
        idleMs += idleSinceRefusalMs;
        idleSinceRefusalMs = 0;
      }
    }
    const inTick = (capacity(atMs) * TICK_MS) / 1_000;
    credit = Math.min(credit + inTick, 1 + inTick);
    for (; credit >= 1 && queues.size > 0; credit -= 1) begin(atMs);
    if (credit >= 1 && refused.length > 0) idleSinceRefusalMs += TICK_MS;
  }
  const longestMs = Math.max(0, ...[...waits.values()].flat());
  return { waits, longestMs, refused, begun: sums.runs, idleMs };

  function sample(atMs: number) {
    const waiting = new Map([...queues].map(([name, queue]) => [name, queue.length]));
    for (let index = 0; index < stuck; index += 1) waiting.set(`stuck ${index}`, 1);
    return { atMs, waiting, begun: new Map([['worker', { ...sums }]]), admitted: { count: 0, tookMs: 0 } };
  }

  function begin(atMs: number): void {
    const name = order === 'turns' ? queues.keys().next().value : senders.shift();
    const queue = queues.get(name ?? '');
    const sentAt = queue?.shift();
    if (name === undefined || !queue || sentAt === undefined) throw new Error('Nothing waits.');
    // The next turn is that of another user.
    queues.delete(name);
    if (queue.length > 0) queues.set(name, queue);
    const waited = waits.get(name);
    if (waited) waited.push(atMs - sentAt);
    else waits.set(name, [atMs - sentAt]);
    sums.runs += 1;
    sums.measured += 1;
    sums.waitedMs += atMs - sentAt;
  }
}

/** Knuth's method, for small means. */
function poisson(mean: number, random: () => number): number {
  const until = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > until; product *= random()) count += 1;
  return count;
}
