import { randomUUID } from 'node:crypto';
import { atMost } from '../benchmark.ts';
import { ratioOfBlocks, summarize } from '../statistics.ts';
import { interleave, REST_MS } from '../talk.ts';
import type { EndToEndBenchmark } from './end-to-end-benchmark.ts';
import { MESSAGE, TOOL_TURN_MODEL_MS } from './messages.ts';
import { startPeople } from './people.ts';
import { startPerdure } from './systems/start-system.ts';

/** The number of turns measured from the 8th and from the 998th turn on. */
const BLOCK = 5;

/** Time of a turn by the length of its session. */
export const growth: EndToEndBenchmark = {
  name: 'growth',
  describe:
    'Tool turns around the 10th of new sessions, and after the 1,000th of one session, measured alternately and beyond the model’s 40 ms. The old session’s model calls have as much context as the policy allows.',
  async run(setting) {
    await using people = await startPeople();
    await using system = await startPerdure(setting, { provider: people.providerUrl });
    const take = async (session: string, count: number, restMs: number) => {
      const input = { url: system.url, content: MESSAGE.tool, session, count, restMs };
      return (await people.driver.run('successiveTurns', input)).map((ms) => ms - TOOL_TURN_MODEL_MS);
    };
    const old = randomUUID();
    const before = setting.size(1_000, 20);
    await take(old, before, 0);
    const blocks = await interleave(setting.size(12, 1), {
      young: async () => {
        const session = randomUUID();
        await take(session, 7, 0);
        return await take(session, BLOCK, REST_MS);
      },
      old: () => take(old, BLOCK, REST_MS),
    });
    const ratio = ratioOfBlocks(blocks.old, blocks.young);
    return {
      rows: [
        { what: '10th turn', values: { ...figuresOf(blocks.young), '× 10th': 1 } },
        { what: `${before.toLocaleString('en')}th turn`, values: { ...figuresOf(blocks.old), '× 10th': ratio } },
      ],
      aims: [atMost('1,000th tool turn over HTTP, p50', ratio, 1.1, ' × the 10th')],
    };
  },
};

function figuresOf(blocks: readonly number[][]): Record<string, number> {
  const { p50, p95, count } = summarize(blocks.flat());
  return { 'p50 ms': p50, 'p95 ms': p95, turns: count };
}
