import { randomUUID } from 'node:crypto';
import { saveUserLimits } from '../store/budgets/user-budgets.ts';
import { TURN } from './bench-agent.ts';
import type { Benchmark, BenchmarkRow } from './benchmark.ts';
import { ratioOfBlocks, summarize } from './statistics.ts';
import { completedIn, interleave, talkBlock, type Block } from './talk.ts';
import type { World } from './world.ts';

/** The overhead of a budget. */
export const budgets: Benchmark = {
  name: 'budgets',
  describe:
    'Plain turns in the sessions of a user with token limits for the month and the day, compared with those of a user without. With limits, each call’s worst case is reserved before it, in a separate transaction, and the reservations of one user are serialised.',
  async run(world) {
    const levels = [
      { sessions: 1, turns: world.size(25, 5), rounds: world.size(8, 2) },
      { sessions: 20, turns: world.size(10, 2), rounds: world.size(6, 2) },
    ];
    const rows: BenchmarkRow[] = [];
    for (const level of levels) {
      const blocks = await interleave(level.rounds, {
        'no limits': async () => await talkBlock(talkOf(world, await newUser(world, false)), TURN.plain, level),
        'limits of month and day': async () =>
          await talkBlock(talkOf(world, await newUser(world, true)), TURN.plain, level),
      });
      const who = `${level.sessions} session${level.sessions === 1 ? '' : 's'}`;
      for (const kind of ['no limits', 'limits of month and day'] as const) {
        rows.push({ what: `${kind}, ${who}`, values: figures(blocks[kind], blocks['no limits']) });
      }
    }
    return { rows };
  },
};

const talkOf = (world: World, user: string) => () => world.talk(user);

async function newUser(world: World, limited: boolean): Promise<string> {
  const user = `bench-${randomUUID()}`;
  if (limited) await saveUserLimits(world.db, user, { monthlyTokens: 1e12, dailyTokens: 1e12 });
  return user;
}

function figures(blocks: readonly Block[], without: readonly Block[]): Record<string, number> {
  const { p50, p95, count } = summarize(completedIn(blocks).flat());
  return {
    'p50 ms': p50,
    'p95 ms': p95,
    '× no limits': ratioOfBlocks(completedIn(blocks), completedIn(without)),
    turns: count,
  };
}
