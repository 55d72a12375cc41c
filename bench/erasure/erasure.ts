import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Erasure, ErasureStep } from '../../contracts/admin/erasure.ts';
import { countUserRows } from '../../store/admin/erasure/erase-rows.ts';
import { beginErasure, readErasure } from '../../store/admin/erasure/erasures.ts';
import { atMost, type Benchmark, type BenchmarkRow } from '../benchmark.ts';
import type { World } from '../world.ts';
import { userWithEverything } from './user-with-everything.ts';

const LOOK_MS = 50;

/** Time of an erasure. */
export const erasure: Benchmark = {
  name: 'erasure',
  describe:
    'The erasure of a user with 1,000 sessions, from the request until its report says that nothing is left, beside another user with 100. Each session has three turns with a tool, and an execution in Temporal; of ten sessions three have an attachment of 50 kB in a folder, three are archived in a folder, two have ended. The user has 1,000 memories with vectors. `s` is the time of the steps, in their order; `verify` is the wait until Temporal has deleted what it was told to.',
  async run(world) {
    const sessions = world.size(1_000, 20);
    const user = `erased-${randomUUID()}`;
    await userWithEverything(world, `kept-${randomUUID()}`, { sessions: world.size(100, 10), turns: 1, memories: 100 });
    await userWithEverything(world, user, { sessions, turns: 3, memories: world.size(1_000, 50) });
    const { report, seconds } = await erase(world, user);
    const left = await countUserRows(world.db, user);
    if (Object.keys(left).length > 0) throw new Error(`Rows are left: ${JSON.stringify(left)}`);
    const { counts } = report;
    const steps: BenchmarkRow[] = [...seconds].map(([step, s]) => ({ what: step, values: { s } }));
    return {
      rows: [...steps, { what: 'all', values: { s: report.durationMs / 1_000 } }],
      aims: [atMost(`erasure of ${sessions.toLocaleString('en')} sessions`, report.durationMs / 1_000, 60, ' s')],
      tables: [
        {
          name: 'erased',
          describe: 'What the report of that erasure counts.',
          rows: Object.keys(counts)
            .toSorted()
            .map((what) => ({ what, values: { count: counts[what] ?? 0 } })),
        },
      ],
    };
  },
};

/** Erases a user, and returns the report with the time of each step. */
async function erase(
  { db, sender }: World,
  user: string,
): Promise<{ readonly report: Erasure; readonly seconds: ReadonlyMap<ErasureStep, number> }> {
  const { id } = await beginErasure(db, user);
  await sender.erase(id);
  const seconds = new Map<ErasureStep, number>();
  for (let before = performance.now(); ;) {
    const report = await readErasure(db, id);
    if (report === null) throw new Error('The erasure has no report.');
    if (report.error !== null) throw new Error(report.error);
    const now = performance.now();
    if (report.endedAt !== null) return { report, seconds };
    if (report.step !== null) seconds.set(report.step, (seconds.get(report.step) ?? 0) + (now - before) / 1_000);
    before = now;
    await delay(LOOK_MS);
  }
}
