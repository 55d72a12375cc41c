import { workflowIdOf } from '../contracts/session/session-key.ts';
import type { ControlSnapshot } from '../contracts/session/session.ts';
import { QUERY } from '../contracts/names.ts';
import { TURN } from './bench-agent.ts';
import { atMost, type Benchmark, type BenchmarkRow } from './benchmark.ts';
import { ratioOfBlocks, summarize } from './statistics.ts';
import { interleave, REST_MS, turnsOf } from './talk.ts';
import type { World } from './world.ts';

/** The number of turns measured from the 8th and from the 998th turn on. */
const BLOCK = 5;

/** Time of a turn by the length of its session. */
export const longSession: Benchmark = {
  name: 'long-session',
  describe:
    'Plain turns around the 10th of new sessions, and after the 1,000th of one session, measured alternately. The old session has continued as new before, and its model calls have as much context as the policy allows.',
  async run(world) {
    const old = world.talk();
    const before = world.size(1_000, 30);
    await turnsOf(old, TURN.plain, before);
    const blocks = await interleave(world.size(12, 2), {
      young: () => tenthTurns(world),
      old: async () => (await turnsOf(old, TURN.plain, BLOCK, REST_MS)).map(({ completedMs }) => completedMs),
    });
    const handle = world.client.workflow.getHandle(workflowIdOf(old.key));
    const { continuedAsNew } = await handle.query<ControlSnapshot>(QUERY.session);
    old.close();
    const ratio = ratioOfBlocks(blocks.old, blocks.young);
    return {
      rows: [
        rowOf('10th turn', blocks.young, { '× 10th': 1 }),
        rowOf(`${before.toLocaleString('en')}th turn`, blocks.old, {
          '× 10th': ratio,
          'continued as new': continuedAsNew,
        }),
      ],
      aims: [atMost('1,000th turn, p50', ratio, 1.1, ' × the 10th')],
    };
  },
};

function rowOf(what: string, measured: readonly number[][], more: Record<string, number>): BenchmarkRow {
  const { p50, p95, count } = summarize(measured.flat());
  return { what, values: { 'p50 ms': p50, 'p95 ms': p95, ...more, turns: count } };
}

async function tenthTurns(world: World): Promise<number[]> {
  const talk = world.talk();
  await turnsOf(talk, TURN.plain, 7);
  const times = await turnsOf(talk, TURN.plain, BLOCK, REST_MS);
  talk.close();
  return times.map(({ completedMs }) => completedMs);
}
