import { listAllSessions } from '../store/admin/reports/list-all-sessions.ts';
import { listSessions, type SessionListQuery } from '../store/read/lists/list-sessions.ts';
import { atMost, type Aim, type Benchmark, type BenchmarkRow } from './benchmark.ts';
import { BIG_USER, generateSessions } from './generated-sessions.ts';
import { percentile } from './statistics.ts';
import type { World } from './world.ts';

const PAGE = 50;
const DAY_MS = 86_400_000;

/** Filters with many, few and no matches. The last one is the slowest without an index. */
const FILTERS: Readonly<Record<string, Omit<SessionListQuery, 'limit'>>> = {
  'no filter': {},
  'status active, nine of ten': { status: 'active' },
  'status failed, one of fifty': { status: 'failed' },
  'status archived, none': { status: 'archived' },
  'agent, one of five': { agent: 'tutor' },
  'agent, one of 200': { agent: 'rare' },
  'agent, none': { agent: 'nobody' },
  'metadata, one of three': { metadata: { plan: 'pro' } },
  'metadata, one of all': { metadata: { ticket: '77776' } },
  'metadata, none': { metadata: { ticket: 'none' } },
  'active since 20 days': { activeSince: new Date(Date.now() - 20 * DAY_MS).toISOString() },
  'error rate 0.5, one of 25': { minErrorRate: 0.5 },
  'error rate 0.9, none': { minErrorRate: 0.9 },
  'failed, agent and metadata': { status: 'failed', agent: 'tutor', metadata: { plan: 'pro' } },
};

/** Time of a page of sessions. */
export const sessionsList: Benchmark = {
  name: 'sessions-list',
  describe:
    'A page of 50 sessions, newest activity first, out of 100,000 generated ones, half of them of one user: for that user, and for an operator over all users. `first` is the first page, `tenth` the tenth, reached by cursors.',
  async run(world) {
    await generateSessions(world.db, world.size(100_000, 1_000));
    const rows: BenchmarkRow[] = [];
    const aims: Aim[] = [];
    const lists = {
      'one user': (filter: SessionListQuery) => listSessions(world.db, BIG_USER, filter),
      'all users': (filter: SessionListQuery) => listAllSessions(world.db, filter),
    };
    for (const [who, list] of Object.entries(lists)) {
      for (const [what, filter] of Object.entries(FILTERS)) {
        const times = await pages(world, list, filter);
        rows.push({ what: `${who}, ${what}`, values: valuesOf(times) });
        aims.push(atMost(`${who}, ${what}: a page, p50`, percentile(times.first, 0.5), 50, ' ms'));
      }
    }
    return { rows, aims };
  },
};

interface PageTimes {
  readonly first: number[];
  readonly tenth: number[];
}

async function pages(
  world: World,
  list: (filter: SessionListQuery) => ReturnType<typeof listSessions>,
  filter: Omit<SessionListQuery, 'limit'>,
): Promise<PageTimes> {
  const times: PageTimes = { first: [], tenth: [] };
  const cursor = await cursorAfter(list, filter, 9);
  for (let n = 0; n < world.size(40, 2); n += 1) {
    times.first.push(await timed(() => list({ ...filter, limit: PAGE })));
    if (cursor !== null) times.tenth.push(await timed(() => list({ ...filter, limit: PAGE, cursor })));
  }
  return times;
}

/** The cursor after `count` pages; null when there are fewer. */
async function cursorAfter(
  list: (filter: SessionListQuery) => ReturnType<typeof listSessions>,
  filter: Omit<SessionListQuery, 'limit'>,
  count: number,
): Promise<string | null> {
  let cursor: string | null = null;
  for (let n = 0; n < count; n += 1) {
    const page: Awaited<ReturnType<typeof listSessions>> = await list({
      ...filter,
      limit: PAGE,
      ...(cursor === null ? {} : { cursor }),
    });
    cursor = page.nextCursor;
    if (cursor === null) return null;
  }
  return cursor;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function valuesOf({ first, tenth }: PageTimes): BenchmarkRow['values'] {
  return {
    'first p50 ms': percentile(first, 0.5),
    'first p95 ms': percentile(first, 0.95),
    ...(tenth.length === 0 ? {} : { 'tenth p50 ms': percentile(tenth, 0.5) }),
  };
}
