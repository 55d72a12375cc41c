import { Client } from 'pg';
import { startRedis } from '../../test/support/redis/redis-server.ts';
import { startPostgres } from '../../test/support/store/postgres-server.ts';
import { summarize } from '../statistics.ts';
import type { EndToEndBenchmark, EndToEndSetting } from './end-to-end-benchmark.ts';
import { durationMs, MESSAGE, MODEL_CALL_MS, TOOL_TURN_MODEL_MS } from './messages.ts';
import { startPeople, type People } from './people.ts';
import { startScaledPerdure } from './systems/perdure-scaled.ts';

const STREAM = { deltas: 60, everyMs: 20 };

/** What sessions say, and the model's own time of a turn. */
const LOADS = [
  { what: 'tool turns', content: MESSAGE.tool, modelMs: TOOL_TURN_MODEL_MS, sessions: 12 },
  { what: 'streamed answers', content: MESSAGE.stream(STREAM), modelMs: durationMs(STREAM), sessions: 40 },
] as const;

/** People who send a message every two minutes, so that no activity serves their sessions any more when the next one comes. */
const PEOPLE = { count: 1_000, answer: { deltas: 60, everyMs: 50 }, thoughtMs: 120_000, measureMs: 60_000 };

/** Statements and time of a turn, with Redis and without, on PostgreSQL servers of the same kind. */
export const redis: EndToEndBenchmark = {
  name: 'redis',
  describe:
    'Three workers and two gateways on one PostgreSQL, with Redis and without: hot tool turns of 12 sessions, and streamed answers of 60 deltas, one every 20 ms, of 40 sessions; then 1,000 people who each read an answer of 60 deltas in 3 s, and send the next message two minutes later. Statements are those that PostgreSQL has executed, without BEGIN and COMMIT; notifications are among them. Times are beyond the model’s: of a turn, and of people’s first tokens.',
  async run(setting) {
    const rows = [];
    for (const hasRedis of [false, true]) {
      for (const row of await measure(setting, hasRedis)) rows.push(row);
    }
    return { rows };
  },
};

async function measure(setting: EndToEndSetting, hasRedis: boolean) {
  await using stack = new AsyncDisposableStack();
  const settings = { shared_preload_libraries: 'pg_stat_statements' };
  const postgres = stack.adopt(await startPostgres({ durable: true, settings }), (server) => server.stop());
  const server = hasRedis ? stack.adopt(await startRedis(), (it) => it.stop()) : null;
  const people = stack.use(await startPeople(2));
  const system = stack.use(
    await startScaledPerdure({
      provider: people.providerUrl,
      databaseUrl: postgres.url,
      redisUrl: server?.url ?? null,
      workers: 3,
      gateways: 2,
    }),
  );
  const admin = stack.adopt(new Client(postgres.url), (client) => client.end());
  await admin.connect();
  await admin.query('CREATE EXTENSION pg_stat_statements');
  const rows = [];
  for (const load of LOADS) {
    rows.push({
      what: `${load.what}, ${hasRedis ? 'with' : 'without'} Redis`,
      values: await measureLoad(setting, people, { urls: system.urls, admin, load }),
    });
  }
  const count = setting.size(PEOPLE.count, 20);
  rows.push({
    what: `${count.toLocaleString('en')} people, ${hasRedis ? 'with' : 'without'} Redis`,
    values: await measurePeople(setting, people, { urls: system.urls, admin, count }),
  });
  return rows;
}

interface Measured {
  readonly urls: readonly string[];
  readonly admin: Client;
}

async function measurePeople(
  setting: EndToEndSetting,
  { drivers }: People,
  { urls, admin, count }: Measured & { readonly count: number },
) {
  const thoughtMs = setting.size(PEOPLE.thoughtMs, 1_000);
  const input = {
    answer: PEOPLE.answer,
    thoughtMs,
    people: count / urls.length,
    rampMs: thoughtMs,
    measureMs: setting.size(PEOPLE.measureMs, 5_000),
    graceMs: 30_000,
  };
  const marks: Promise<Statements>[] = [];
  const outputs = await Promise.all(
    drivers.map((driver, index) =>
      driver.run('conversations', { ...input, url: urls[index] ?? '' }, () => {
        if (index === 0) marks.push(statementsOf(admin));
      }),
    ),
  );
  const { p50, p95, count: answers } = summarize(outputs.flatMap(({ firstTokensMs }) => firstTokensMs));
  const gaps = summarize(outputs.flatMap(({ gapsMs }) => gapsMs));
  return {
    ...(await perTurn(marks, answers)),
    'p50 ms': p50 - MODEL_CALL_MS,
    'p95 ms': p95 - MODEL_CALL_MS,
    turns: answers,
    'gap p99 ms': gaps.p99,
    failures: outputs.reduce((sum, { failures, unanswered }) => sum + failures + unanswered, 0),
  };
}

async function measureLoad(
  setting: EndToEndSetting,
  people: People,
  { urls, admin, load }: Measured & { readonly load: (typeof LOADS)[number] },
) {
  const { content, modelMs } = load;
  const input = {
    content,
    sessions: load.sessions / urls.length,
    warmUpMs: setting.size(10_000, 500),
    measureMs: setting.size(20_000, 2_000),
  };
  const marks: Promise<Statements>[] = [];
  const results = await Promise.all(
    people.drivers.map((driver, index) =>
      driver.run('turns', { ...input, url: urls[index] ?? '' }, () => {
        if (index === 0) marks.push(statementsOf(admin));
      }),
    ),
  );
  const turnsMs = results.flatMap((result) => result.turnsMs).map((ms) => ms - modelMs);
  const { p50, p95, count } = summarize(turnsMs);
  return { ...(await perTurn(marks, count)), 'p50 ms': p50, 'p95 ms': p95, turns: count };
}

/** The statements between two marks, for each of so many turns. */
async function perTurn(marks: readonly Promise<Statements>[], turns: number) {
  const [before, after] = await Promise.all(marks);
  const of = (name: keyof Statements): number => ((after?.[name] ?? 0) - (before?.[name] ?? 0)) / turns;
  return {
    'statements a turn': of('all'),
    'of them notifications': of('notifications'),
    'PostgreSQL ms a turn': of('ms'),
  };
}

interface Statements {
  readonly all: number;
  readonly notifications: number;
  readonly ms: number;
}

async function statementsOf(admin: Client): Promise<Statements> {
  const { rows } = await admin.query<Statements>(
    `SELECT sum(calls)::float8 AS all, coalesce(sum(calls) FILTER (WHERE query LIKE '%pg_notify%'), 0)::float8 AS notifications,
            sum(total_exec_time)::float8 AS ms
       FROM pg_stat_statements WHERE query !~* '^(begin|commit|rollback)'`,
  );
  return rows[0] ?? { all: 0, notifications: 0, ms: 0 };
}
