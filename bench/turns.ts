import { TURN } from './bench-agent.ts';
import { atLeast, atMost, type Aim, type Benchmark, type BenchmarkRow } from './benchmark.ts';
import { ratioOfBlocks, summarize } from './statistics.ts';
import { completedIn, interleave, REST_MS, talkBlock, type Block, type BlockSize } from './talk.ts';
import type { World } from './world.ts';

/** Turns of Perdure compared with the minimal workflow, for several numbers of sessions. */
export const turns: Benchmark = {
  name: 'turns',
  describe:
    'From sending a message until the client receives `run.completed`, with a model that takes no time: what Perdure adds to the model’s own time. `plain` is one model call, `tool` two model calls and one quick tool. Sessions send their next message as soon as they have the answer, while its activity is still being completed in Temporal; sessions that rest pause for 100 ms first, and so does the floor in that row. The ratio is of medians, between blocks measured right after each other. `CPU ms` is the processor time of the one process that holds worker, client and an embedded store.',
  async run(world) {
    const levels = [
      { sessions: 1, turns: world.size(25, 5), rounds: world.size(12, 2), restMs: REST_MS },
      { sessions: 1, turns: world.size(25, 5), rounds: world.size(12, 2) },
      { sessions: 10, turns: world.size(20, 3), rounds: world.size(6, 2) },
      { sessions: 50, turns: world.size(10, 2), rounds: world.size(6, 2) },
    ];
    const rows: BenchmarkRow[] = [];
    const aims: Aim[] = [];
    for (const level of levels) {
      const measured = await measure(world, level);
      rows.push(...measured.rows);
      aims.push(...measured.aims);
    }
    return { rows, aims };
  },
};

interface Level extends BlockSize {
  readonly rounds: number;
}

async function measure(world: World, level: Level): Promise<{ rows: BenchmarkRow[]; aims: Aim[] }> {
  const blocks = await interleave(level.rounds, {
    floor: () => talkBlock(() => world.floor.talk(), TURN.plain, level),
    plain: () => talkBlock(() => world.talk(), TURN.plain, level),
    tool: () => talkBlock(() => world.talk(), TURN.tool, level),
  });
  const kinds = (['floor', 'plain', 'tool'] as const).map((kind) => {
    const { 'turns/s': rate, 'turns/s × floor': rates, ...rest } = figures(blocks[kind], blocks.floor);
    return { kind, values: level.restMs ? rest : { ...rest, 'turns/s': rate, 'turns/s × floor': rates } };
  });
  const who = level.restMs ? '1 session that rests' : `${level.sessions} session${level.sessions === 1 ? '' : 's'}`;
  return {
    rows: kinds.map(({ kind, values }) => ({ what: `${kind}, ${who}`, values })),
    aims: kinds.flatMap(({ kind, values }) => aimsOf(kind, level.sessions, who, values)),
  };
}

function figures(blocks: readonly Block[], floor: readonly Block[]) {
  const { p50, p95, p99, count } = summarize(completedIn(blocks).flat());
  const receipts = blocks.flatMap((block) => block.turns.flatMap(({ receiptMs }) => receiptMs ?? []));
  return {
    'p50 ms': p50,
    'p95 ms': p95,
    'p99 ms': p99,
    '× floor': ratioOfBlocks(completedIn(blocks), completedIn(floor)),
    ...(receipts.length > 0 && { 'receipt p50 ms': summarize(receipts).p50 }),
    'CPU ms': blocks.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / count,
    turns: count,
    'turns/s': rateOf(blocks),
    'turns/s × floor': ratioOfBlocks(ratesOf(blocks), ratesOf(floor)),
  };
}

function ratesOf(blocks: readonly Block[]): number[][] {
  return blocks.map((block) => [rateOf([block])]);
}

function rateOf(blocks: readonly Block[]): number {
  const turnsTaken = blocks.reduce((sum, { turns: all }) => sum + all.length, 0);
  return (turnsTaken / blocks.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0)) * 1_000;
}

function aimsOf(kind: string, sessions: number, who: string, values: Readonly<Record<string, number>>): Aim[] {
  const ratio = values['× floor'] ?? Number.NaN;
  if (sessions === 1 && kind === 'plain') return [atMost(`plain turn, p50, ${who}`, ratio, 1.35, ' × floor')];
  if (sessions === 1 && kind === 'tool') return [atMost(`tool turn, p50, ${who}`, ratio, 1.6, ' × floor')];
  if (sessions !== 50 || kind !== 'plain') return [];
  return [atLeast('plain turns per second, 50 sessions', values['turns/s × floor'] ?? Number.NaN, 0.7, ' × floor')];
}
