import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { atMost } from '../benchmark.ts';
import { summarize } from '../statistics.ts';
import type { EndToEndBenchmark } from './end-to-end-benchmark.ts';
import { startPeople, type People } from './people.ts';
import { startPerdure } from './systems/start-system.ts';
import type { PerdureSystem } from './systems/perdure-system.ts';

const ANSWER = { deltas: 100, everyMs: 50 };
const WANTED_MS = 3_000;

/** Time until a killed process goes on. */
export const recovery: EndToEndBenchmark = {
  name: 'recovery',
  describe:
    'The process that serves sessions is killed with SIGKILL in the middle of a streamed answer and started again at once: from that start until the first text of the answer’s next attempt reaches a reader, who connects again until it can. Embedded, the process is `perdure start`, and its Temporal server goes on meanwhile; with `--postgres` it is the worker.',
  async run(setting) {
    await using people = await startPeople();
    await using system = await startPerdure(setting, { provider: people.providerUrl });
    const times: number[] = [];
    while (times.length < setting.size(12, 1)) times.push(await recover(people, system));
    const { p50, p95, count } = summarize(times);
    return {
      rows: [{ what: 'Perdure', values: { 'p50 ms': p50, 'p95 ms': p95, kills: count } }],
      aims: [atMost('recovery after kill -9, p95', p95, WANTED_MS, ' ms')],
    };
  },
};

/** Longer than a start and an attempt that waits for the lease of the killed one. */
const GIVE_UP_MS = 120_000;

async function recover({ driver }: People, system: PerdureSystem): Promise<number> {
  const { url } = system;
  const session = randomUUID();
  const begun = Promise.withResolvers<void>();
  const answer = driver.run('beginAnswer', { url, session, answer: ANSWER, deltas: 20 }, () => begun.resolve());
  await Promise.race([begun.promise, answer]);
  await system.kill();
  const restartedAt = performance.now();
  let tookMs = Number.NaN;
  const continued = driver.run('awaitContinuation', { url, session }, () => {
    tookMs = performance.now() - restartedAt;
  });
  const giveUp = delay(GIVE_UP_MS, undefined, { ref: false }).then(() => {
    throw new Error(`The answer did not go on within ${GIVE_UP_MS} ms.`);
  });
  await Promise.race([Promise.all([continued, system.start(), answer]), giveUp]);
  return tookMs;
}
