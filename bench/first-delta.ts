import { TURN } from './bench-agent.ts';
import type { Benchmark } from './benchmark.ts';
import { ratioOfBlocks, summarize } from './statistics.ts';
import { interleave, talkBlock } from './talk.ts';

/** Time until the client receives the first delta. */
export const firstDelta: Benchmark = {
  name: 'first-delta',
  describe:
    'From sending a message until the first chunk of the model’s text reaches the client, with one session; the floor’s figure is its whole turn.',
  async run(world) {
    const level = { sessions: 1, turns: world.size(25, 5) };
    const blocks = await interleave(world.size(8, 2), {
      floor: async () => (await talkBlock(() => world.floor.talk(), TURN.plain, level)).turns.map((t) => t.completedMs),
      delta: async () =>
        (await talkBlock(() => world.talk(), TURN.plain, level)).turns.flatMap((t) => t.firstDeltaMs ?? []),
    });
    const rows = (['floor', 'delta'] as const).map((what) => {
      const { p50, p95, p99, count } = summarize(blocks[what].flat());
      const ratio = ratioOfBlocks(blocks[what], blocks.floor);
      return { what, values: { 'p50 ms': p50, 'p95 ms': p95, 'p99 ms': p99, '× floor': ratio, turns: count } };
    });
    return { rows };
  },
};
