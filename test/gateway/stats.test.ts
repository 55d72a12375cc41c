import { beforeAll, expect, test } from 'vitest';
import { statsPageSchema } from '../../contracts/stats.ts';
import { serveGateway } from '../../gateway/serve-gateway.ts';
import { deleteSession } from '../../store/sessions/delete-session.ts';
import { commitRunEnd } from '../../store/runs/commit-run-end.ts';
import { beginModel, converse, newKey, send } from '../store/conversation.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { runCli } from '../support/process/run-cli.ts';
import { startGateway } from './start-gateway.ts';

const database = embeddedDatabase();
const key = newKey('stan');

beforeAll(async () => {
  const { db } = database;
  await converse(db, key, 'm1');
  const { runId } = await send(db, key, { id: 'm2', content: 'hi' });
  await beginModel(db, key, runId);
  const error = { code: 'run_timeout', detail: 'too slow' };
  await commitRunEnd(db, key, { runId, end: { status: 'failed', error }, partial: null, failSession: false });
}, 60_000);

test('statistics are grouped by session, user, agent and day, and cover the caller only', async () => {
  const { call } = startGateway(database.db);
  const get = async (query: string, user = 'stan') => {
    const response = await call('GET', `/v1/stats?${query}`, undefined, { 'perdure-user': user });
    expect(response.status).toBe(200);
    return statsPageSchema.parse(await response.json());
  };
  for (const [by, name] of [
    ['session', key.session],
    ['user', 'stan'],
    ['agent', 'assistant'],
  ] as const) {
    expect(await get(`by=${by}`)).toMatchObject({ by, data: [{ key: name, requests: 2, errors: 1, errorRate: 0.5 }] });
  }
  const byDay = await get('');
  expect(byDay).toMatchObject({ by: 'day', from: null, total: { requests: 2 } });
  expect(byDay.data[0]?.key).toMatch(/^\d{4}-\d\d-\d\d$/);
  expect(await get('by=user', 'eve')).toMatchObject({ data: [], total: { requests: 0, errorRate: null } });
  expect(await get('by=day&from=2020-01-01&to=2020-01-02')).toMatchObject({ data: [], total: { requests: 0 } });
});

test('a range that ends before it starts, and an invalid day, are refused', async () => {
  const { call } = startGateway(database.db);
  expect((await call('GET', '/v1/stats?from=2026-02-01&to=2026-01-01')).status).toBe(400);
  expect((await call('GET', '/v1/stats?from=yesterday')).status).toBe(400);
  expect((await call('GET', '/v1/sessions?minErrorRate=2')).status).toBe(400);
});

test('the list of sessions filters by error rate', async () => {
  const { call } = startGateway(database.db);
  const list = async (rate: string) => {
    const response = await call('GET', `/v1/sessions?minErrorRate=${rate}`, undefined, { 'perdure-user': 'stan' });
    return ((await response.json()) as { data: unknown[] }).data;
  };
  expect(await list('0.5')).toMatchObject([{ id: key.session, errorRate: 0.5, endedRuns: 2 }]);
  expect(await list('0.6')).toEqual([]);
});

test('by session, the command line explains what the total contains beyond the rows shown', async () => {
  const { db } = database;
  const [kept, gone] = [newKey('gwen'), newKey('gwen')];
  await converse(db, kept, 'm1');
  await converse(db, gone, 'm1');
  const { gateway } = startGateway(db);
  const served = await serveGateway({ gateway, port: 0 });
  const env = { PERDURE_URL: served.url, PERDURE_USER: 'gwen' };
  const before = await runCli(['stats', '--by', 'session'], env);
  await deleteSession(db, gone);
  const after = await runCli(['stats', '--by', 'session'], env);
  await served.close();
  expect(before.stdout).not.toContain('"all" includes');
  expect(after.stdout).toMatch(/^all +2 .*\n.*\n"all" includes deleted .* sessions, .*\.$/m);
});

test('the command line shows them as a table', async () => {
  const { gateway } = startGateway(database.db);
  const served = await serveGateway({ gateway, port: 0 });
  const env = { PERDURE_URL: served.url, PERDURE_USER: 'stan' };
  const shown = await runCli(['stats', '--by', 'agent'], env);
  const session = await runCli(['session', key.session], env);
  await served.close();
  expect(shown.stdout).toMatch(/^AGENT +RUNS +FAILED +RATE +MEAN +P50 +P95 +TOKENS +COST$/m);
  expect(shown.stdout).toMatch(/^assistant +2 +1 +50\.0 % +\d.* 15 and 1 unknown +2 unknown$/m);
  expect(shown.stdout).toMatch(/^all +2 +1 +50\.0 %.* 15 and 1 unknown +2 unknown$/m);
  expect(shown.stdout).toContain('The cost of all 2 calls is unknown.\n');
  expect(session.stdout).toMatch(/2 messages, 2 runs, 1 error \(50 %\), (\d+ ms|\d+\.\d s) per run/);
});
