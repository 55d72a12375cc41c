import { beforeAll, expect, test } from 'vitest';
import { listedRunsSchema, type ListedRun } from '../../../contracts/session/run.ts';
import { converse, newKey, send } from '../../store/conversation.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { servedGateway, startGateway } from '../start-gateway.ts';

const database = embeddedDatabase();
const [first, second] = [newKey('rita'), newKey('rita')];
let ids: Record<'slow' | 'dear' | 'queued' | 'others', string>;

/** Gives an ended run of a user these facts. */
async function rewrite(runId: string, created: string, ended: string, costNanos: number): Promise<void> {
  await database.db.query(
    `UPDATE perdure.runs SET created_at = $2, ended_at = $3, cost_nanos = $4, unpriced_calls = 0 WHERE run_id = $1`,
    [runId, created, ended, costNanos],
  );
}

beforeAll(async () => {
  const { db } = database;
  const newRun = async (key: typeof first, id: string): Promise<string> => {
    await converse(db, key, id);
    const [row] = await db.query<{ run_id: string }>(
      `SELECT run_id FROM perdure.runs WHERE user_id = $1 AND session_id = $2 ORDER BY ordinal DESC LIMIT 1`,
      [key.user, key.session],
    );
    return (row as { run_id: string }).run_id;
  };
  ids = {
    slow: await newRun(first, 'm1'),
    dear: await newRun(second, 'm1'),
    queued: (await send(db, second, { id: 'm2', content: 'next' })).runId,
    others: await newRun(newKey('olaf'), 'm1'),
  };
  await rewrite(ids.slow, '2026-03-01T10:00:00Z', '2026-03-01T10:01:00Z', 1_000);
  await rewrite(ids.dear, '2026-03-03T23:59:59Z', '2026-03-04T00:00:00Z', 5_000);
}, 60_000);

async function list(query: string, user = 'rita'): Promise<ListedRun[]> {
  const { call } = startGateway(database.db);
  const response = await call('GET', `/v1/runs?${query}`, undefined, { 'perdure-user': user });
  expect(response.status).toBe(200);
  return listedRunsSchema.parse(await response.json()).data;
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const listed = async (query: string) => (await list(query)).map(({ id }) => id);

test('runs of all sessions are listed newest, slowest or dearest first; an open run counts up to now', async () => {
  expect(await listed('')).toEqual([ids.queued, ids.dear, ids.slow]);
  expect(await listed('order=slowest&status=completed')).toEqual([ids.slow, ids.dear]);
  expect((await listed('order=slowest')).toSorted()).toEqual([ids.slow, ids.dear, ids.queued].toSorted());
  expect(await listed('order=dearest&limit=2')).toEqual([ids.dear, ids.slow]);
  expect(await list('order=slowest&limit=1')).toMatchObject([
    { user: 'rita', sessionId: first.session, totalMs: 60_000, costUsd: 0.000001 },
  ]);
});

test('a list of runs is restricted by status, by days in UTC, and by the beginning or the end of an id', async () => {
  expect(await listed('status=queued')).toEqual([ids.queued]);
  expect(await listed('from=2026-03-02&to=2026-03-03')).toEqual([ids.dear]);
  expect(await listed('to=2026-03-02')).toEqual([ids.slow]);
  expect(await listed(`id=${ids.slow.slice(-8)}`)).toEqual([ids.slow]);
  expect(await listed(`id=${ids.dear.slice(0, 30)}`)).toContain(ids.dear);
  expect(await listed('id=0000')).toEqual([]);
  const { call } = startGateway(database.db);
  for (const id of ['123', '%25%25%25%25', "' OR 1"]) {
    expect((await call('GET', `/v1/runs?id=${encodeURIComponent(id)}`)).status).toBe(400);
  }
});

test('runs of other users are listed for operators only', async () => {
  expect(await listed(`id=${ids.others.slice(-8)}`)).toEqual([]);
  const { call } = startGateway(database.db, { tokens: 'r=rita,o=op', operators: 'op' });
  for (const query of ['all=true', 'user=olaf']) {
    expect((await call('GET', `/v1/runs?${query}`, undefined, bearer('r'))).status).toBe(403);
    const response = await call('GET', `/v1/runs?${query}`, undefined, bearer('o'));
    const { data } = listedRunsSchema.parse(await response.json());
    expect(data.map(({ id }) => id)).toContain(ids.others);
  }
});

test('commands take the beginning or the end of a run’s id; an ambiguous one is refused with the candidates', async () => {
  const { env } = await servedGateway(database.db);
  const cli = async (...args: string[]) => runCli(args, { ...env, PERDURE_USER: 'rita' });
  const [listing, shown, why] = await Promise.all([
    cli('runs', '--order', 'slowest', '--status', 'completed', '--limit', '1'),
    cli('runs', second.session, ids.dear.slice(-8)),
    cli('why', ids.slow.slice(-8)),
  ]);
  expect(listing.stdout).toMatch(/^RUN +SESSION +STATUS +AGENT +TOTAL +COST +CREATED\n/);
  expect(listing.stdout).toContain(`${ids.slow}  ${first.session}  completed`);
  expect(shown.stdout).toContain(ids.dear);
  expect(why.stdout).toContain(`run ${ids.slow}: completed`);
  // Ids of runs begin with the time, so all runs of a test share their beginning.
  const ambiguous = await cli('why', ids.slow.slice(0, 5));
  expect(ambiguous).toMatchObject({ code: 2, stdout: '' });
  expect(ambiguous.stderr).toContain(`3 runs match ${ids.slow.slice(0, 5)}. Use more of the id:`);
  expect(ambiguous.stderr).toContain(ids.queued);
});

test('a day can be given as a time ago', async () => {
  const { env } = await servedGateway(database.db);
  const cli = async (...args: string[]) => runCli(args, { ...env, PERDURE_USER: 'rita' });
  const [recent, usage, wrong] = await Promise.all([
    cli('runs', '--from', '2d', '--json'),
    cli('usage', '--from', '7d'),
    cli('usage', '--from', 'yesterday'),
  ]);
  expect(listedRunsSchema.parse(JSON.parse(recent.stdout)).data.map(({ id }) => id)).toEqual([ids.queued]);
  expect(usage.code).toBe(0);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('such as 2026-11-01 or 7d') });
});
