import { expect, test } from 'vitest';
import { budgetReportSchema } from '../../contracts/budget.ts';
import { usageReportSchema } from '../../contracts/usage.ts';
import { commitStep } from '../../store/steps/commit-step.ts';
import { deleteSession } from '../../store/sessions/delete-session.ts';
import { serveGateway } from '../../gateway/serve-gateway.ts';
import { beginModel, newKey, replyTo, send } from '../store/conversation.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { runCli } from '../support/process/run-cli.ts';
import { startGateway } from './start-gateway.ts';

const database = embeddedDatabase();

const freshUser = () => `user-${newKey().session}`;
const TOKENS = { tokens: 'a=ann,b=bob,o=olga', operators: 'olga, otto' };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** A session with one model call of this cost; null: the cost is unknown. */
async function spend(user: string, nanos: number | null, key = newKey(user)) {
  const { db } = database;
  const { runId } = await send(db, key, { id: newKey().session, content: 'hi' });
  const cost = { nanos, priceSource: 'test', priceDate: null };
  await commitStep(db, key, { ...replyTo(runId, await beginModel(db, key, runId)), cost });
  return key;
}

test('usage is reported by day, agent, model and session, and adds up', async () => {
  const user = freshUser();
  const one = await spend(user, 5_000_000);
  await spend(user, 2_000_000, one);
  const other = await spend(user, null);
  const { call } = startGateway(database.db);
  const read = async (query: string) => {
    const response = await call('GET', `/v1/usage?${query}`, undefined, { 'perdure-user': user });
    expect(response.status).toBe(200);
    return usageReportSchema.parse(await response.json());
  };
  const total = {
    key: null,
    calls: 3,
    failedCalls: 0,
    inputTokens: 30,
    outputTokens: 15,
    cachedTokens: 6,
    reasoningTokens: 0,
    unmeteredCalls: 0,
    costUsd: null,
    knownCostUsd: 0.007,
    unpricedCalls: 1,
    estimatedCalls: 0,
    estimatedInputTokens: 0,
    estimatedOutputTokens: 0,
    estimatedCostUsd: 0,
  };
  const today = new Date().toISOString().slice(0, 10);
  expect(await read('')).toEqual({
    user,
    by: 'day',
    from: `${today.slice(0, 7)}-01`,
    to: today,
    data: [{ ...total, key: today }],
    total,
  });
  expect((await read('by=agent')).data).toEqual([{ ...total, key: 'assistant' }]);
  expect((await read('by=model')).data).toEqual([{ ...total, key: 'scripted/one' }]);
  expect((await read('by=session')).data).toMatchObject([
    { key: one.session, calls: 2, costUsd: 0.007 },
    { key: other.session, calls: 1, costUsd: null, knownCostUsd: 0 },
  ]);
  expect(await read('from=2020-01-01&to=2020-12-31')).toMatchObject({ data: [], total: { calls: 0, costUsd: 0 } });

  await deleteSession(database.db, one);
  const after = await read('by=session');
  expect(after.data).toMatchObject([
    { key: other.session, calls: 1 },
    { key: null, calls: 2, costUsd: 0.007, inputTokens: 20 },
  ]);
  expect(after.total).toEqual(total);
});

test('an impossible report is refused', async () => {
  const { call } = startGateway(database.db);
  for (const query of ['by=week', 'from=yesterday', 'from=2026-02-01&to=2026-01-01', 'by=session&all=true']) {
    expect([query, (await call('GET', `/v1/usage?${query}`)).status]).toEqual([query, 400]);
  }
});

test('others’ usage and budgets are for operators only', async () => {
  const [ann, bob] = ['ann', 'bob'];
  await spend(ann, 1_000);
  await spend(bob, 3_000);
  const { call } = startGateway(database.db, TOKENS);
  for (const path of ['/v1/usage?user=bob', '/v1/usage?all=true', '/v1/usage?by=user', '/v1/budget?user=bob']) {
    const refused = await call('GET', path, undefined, bearer('a'));
    expect([path, refused.status]).toEqual([path, 403]);
    expect(await refused.json()).toMatchObject({
      code: 'forbidden',
      detail: expect.stringContaining('PERDURE_OPERATORS'),
    });
    expect((await call('GET', path, undefined, bearer('o'))).status).toBe(200);
  }
  expect((await call('PUT', '/v1/budget', { monthlyUsd: 1e6 }, bearer('a'))).status).toBe(403);
  expect((await call('GET', '/v1/usage?user=ann', undefined, bearer('a'))).status).toBe(200);
  const all = (await (await call('GET', '/v1/usage?by=user', undefined, bearer('o'))).json()) as { data: unknown[] };
  expect(all.data).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ key: 'ann', costUsd: 0.000001 }),
      expect.objectContaining({ key: 'bob', costUsd: 0.000003 }),
    ]),
  );
});

test('an operator sets a user’s limits: null removes one, and an absent field uses the deployment’s', async () => {
  const user = freshUser();
  await spend(user, 2_500_000_000);
  const { call } = startGateway(database.db, {
    ...TOKENS,
    deployment: { budgets: { monthlyUsd: 20, dailyTokens: 500 } },
  });
  const put = async (body: object) => {
    const response = await call('PUT', '/v1/budget', { user, ...body }, bearer('o'));
    expect(response.status).toBe(200);
    return budgetReportSchema.parse(await response.json());
  };
  expect(await put({ monthlyUsd: 5.5, dailyTokens: null, dailyWarnUsd: 1 })).toMatchObject({
    user,
    limits: { monthlyUsd: 5.5, monthlyTokens: null, dailyUsd: null, dailyTokens: null, dailyWarnUsd: 1 },
    own: { monthlyUsd: 5.5, dailyTokens: null, dailyWarnUsd: 1 },
    month: {
      usedUsd: 2.5,
      usedTokens: 15,
      reservedUsd: 0,
      unpricedCalls: 0,
      resetsAt: expect.stringMatching(/-01T00:00:00\.000Z$/),
    },
    day: { usedUsd: 2.5 },
  });
  expect(await put({})).toMatchObject({ limits: { monthlyUsd: 20, dailyTokens: 500, dailyWarnUsd: 10 }, own: {} });
  for (const wrong of [{ monthlyUsd: -1 }, { monthlyUsd: '5' }, { dailyTokens: 1.5 }, { yearlyUsd: 5 }]) {
    expect((await call('PUT', '/v1/budget', { user, ...wrong }, bearer('o'))).status).toBe(400);
  }
});

test('the command line shows usage and budgets, and sets them', async () => {
  const user = freshUser();
  await spend(user, 1_250_000);
  await spend(user, null);
  const { gateway } = startGateway(database.db);
  const served = await serveGateway({ gateway, port: 0 });
  const env = { PERDURE_URL: served.url, PERDURE_USER: user };
  try {
    const usage = await runCli(['usage', '--by', 'model'], env);
    expect(usage.stdout).toMatch(/^MODEL +CALLS +FAILED +INPUT +CACHED +OUTPUT +COST$/m);
    expect(usage.stdout).toMatch(/^scripted\/one +2 +0 +20 +4 +10 +\$0\.00125 and 1 unknown$/m);
    expect(usage.stdout).toContain('The cost of 1 of 2 calls is unknown');
    const set = await runCli(['budget', 'set', 'monthlyUsd=50', 'dailyWarnUsd=none'], env);
    expect([set.code, set.stderr]).toEqual([0, '']);
    expect(set.stdout).toMatch(/^\d{4}-\d\d +\$0\.00125 +\$0\.00 +\$50\.00 /m);
    expect(set.stdout).not.toContain('Warning at');
    expect(set.stdout).toContain('The cost of 1 call this month is unknown and not counted as used.\n');
    await runCli(['budget', 'set', 'dailyWarnUsd=default', 'dailyTokens=9'], env);
    const shown = await runCli(['budget', '--json'], env);
    expect(JSON.parse(shown.stdout)).toMatchObject({
      own: { monthlyUsd: 50, dailyTokens: 9 },
      limits: { dailyWarnUsd: 10 },
    });
    const wrong = await runCli(['budget', 'set', 'weeklyUsd=5'], env);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('monthlyUsd');
  } finally {
    await served.close();
  }
});
