import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../../test/support/seeded-random.ts';
import { conclude } from '../conclude.ts';
import type { Experiment, Figures } from '../experiment.ts';
import type { Part } from '../parts/part.ts';
import { startSystem } from '../parts/start-system.ts';
import { Crowd } from '../traffic/crowd.ts';

/** Between two faults of one part. */
const BETWEEN_MS = [5_000, 15_000] as const;
const LASTS_MS = [200, 5_000] as const;

export const storm: Experiment = {
  name: 'storm',
  describe: 'Every part is killed, frozen or cut off every 5 to 15 seconds while people talk and read.',
  async run({ seed, random, seconds, people, say }) {
    await using system = await startSystem();
    const crowd = new Crowd({ gateways: system.gateways, people, random });
    const stop = new AbortController();
    const counts = new Map<string, number>();
    const failing = Promise.all(
      system.parts.map((part, index) => keepFailing(part, seededRandom(seed + index + 1), stop.signal, counts)),
    );
    for (let passed = 0; passed < seconds; passed += 10) {
      await delay(Math.min(10, seconds - passed) * 1_000);
      const faults = [...counts.values()].reduce((sum, count) => sum + count, 0);
      say(
        `${passed + 10} s: ${faults} faults, ${crowd.ledger.accepted.length} messages accepted, ${crowd.ledger.endedAt.size} answered`,
      );
    }
    stop.abort();
    await failing;
    say('Every part works again.');
    await crowd.fallSilent();
    return await conclude(system, crowd, { figures: figuresOf(counts) });
  },
};

/** Lets a part fail until `stop` is aborted. Resolves when it works. */
async function keepFailing(
  part: Part,
  random: () => number,
  stop: AbortSignal,
  counts: Map<string, number>,
): Promise<void> {
  const between = ([from, to]: readonly [number, number]) => from + random() * (to - from);
  const pause = (ms: number) => delay(ms, undefined, { signal: stop }).catch(() => {});
  while (!stop.aborted) {
    await pause(between(BETWEEN_MS));
    const fault = part.faults[Math.floor(random() * part.faults.length)];
    if (stop.aborted || !fault) return;
    const what = `${part.name}: ${fault.kind}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
    await fault.begin();
    await pause(between(LASTS_MS));
    await fault.end();
  }
}

function figuresOf(counts: ReadonlyMap<string, number>): Figures {
  return Object.fromEntries([...counts].toSorted(([a], [b]) => a.localeCompare(b)));
}
