import { expect, test } from 'vitest';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { countFailedCall } from '../../../store/runs/count-failed-call.ts';
import { UNKNOWN_COST } from '../../../store/budgets/model-call.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import type { Db } from '../../../store/db/db.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { commitSessionEnd } from '../../../store/sessions/commit-session-end.ts';
import { listSessions } from '../../../store/read/lists/list-sessions.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { readSessionStats } from '../../../store/read/statistics/read-session-stats.ts';
import { readStats } from '../../../store/read/statistics/read-stats.ts';
import { requeueRun } from '../../../store/sessions/requeue-run.ts';
import { describeStores } from '../../support/store/databases.ts';
import { beginModel, call, converse, newKey, replyTo, send } from '../conversation.ts';

const ALL = { from: null, to: null };
const ERROR = { code: 'run_timeout', detail: 'too slow' };
let users = 0;

function newUser(): string {
  return `user-${(users += 1)}-of-stats`;
}

async function fail(db: Db, key: SessionKey, id: string): Promise<string> {
  const { runId } = await send(db, key, { id, content: 'hi' });
  await beginModel(db, key, runId);
  await commitRunEnd(db, key, { runId, end: { status: 'failed', error: ERROR }, partial: null, failSession: false });
  return runId;
}

/** Completes a run of one call with this cost; null is unknown. */
async function spend(db: Db, key: SessionKey, id: string, nanos: number | null): Promise<void> {
  const { runId } = await send(db, key, { id, content: 'hi' });
  const cost = { nanos, priceSource: 'test', priceDate: null };
  await commitStep(db, key, { ...replyTo(runId, await beginModel(db, key, runId)), cost });
}

describeStores(['pglite', 'postgres'], (db) => {
  test('ends of runs are counted with their outcome and time, over all sessions of a user', async () => {
    const user = newUser();
    const [one, two] = [newKey(user), newKey(user)];
    await converse(db(), one, 'm1');
    await converse(db(), one, 'm2');
    await fail(db(), one, 'm3');
    await converse(db(), two, 'm1');
    const { runId } = await send(db(), two, { id: 'm2', content: 'hi' });
    await commitRunEnd(db(), two, {
      runId,
      end: { status: 'cancelled', reason: 'cancelled' },
      partial: null,
      failSession: false,
    });

    const { data, total } = await readStats(db(), user, 'agent', ALL);
    expect(data.map(({ key }) => key)).toEqual(['assistant']);
    expect(total).toMatchObject({ requests: 5, errors: 1, cancelled: 1, errorRate: 0.2 });
    expect(total.p50Ms).toBeLessThanOrEqual(total.p95Ms as number);
    expect(total.meanMs).not.toBeNull();
    expect(data[0]).toMatchObject(total);
    const byUser = await readStats(db(), user, 'user', ALL);
    expect(byUser.data).toEqual([{ key: user, ...total }]);
    expect((await readStats(db(), newUser(), 'user', ALL)).total).toMatchObject({
      requests: 0,
      errorRate: null,
      p50Ms: null,
    });
  });

  test('days are those of the ends, in UTC, and a range takes both its ends in', async () => {
    const user = newUser();
    const key = newKey(user);
    const runId = await converse(db(), key, 'm1');
    const [run] = await db().query<{ day: string }>(
      `SELECT to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day FROM perdure.runs WHERE run_id = $1`,
      [runId],
    );
    const day = run?.day as string;
    expect((await readStats(db(), user, 'day', ALL)).data).toMatchObject([{ key: day, requests: 1 }]);
    expect((await readStats(db(), user, 'day', { from: day, to: day })).total.requests).toBe(1);
    expect((await readStats(db(), user, 'day', { from: null, to: '2020-01-01' })).total.requests).toBe(0);
    const inRange = { from: day, to: day, limit: 10 };
    expect((await readSessionStats(db(), user, inRange)).data).toMatchObject([{ key: key.session, requests: 1 }]);
    const before = { from: null, to: '2020-01-01', limit: 10 };
    expect((await readSessionStats(db(), user, before)).data).toMatchObject([{ requests: 0, meanMs: null }]);
  });

  test('what each session did adds up to what its user did, tokens included', async () => {
    const user = newUser();
    const keys = [newKey(user), newKey(user), newKey(user)];
    for (const [index, key] of keys.entries()) {
      for (let n = 0; n <= index; n += 1) await converse(db(), key, `m${n}`);
    }
    await fail(db(), keys[0] as SessionKey, 'bad');
    const first = await readSessionStats(db(), user, { ...ALL, limit: 2 });
    const rest = await readSessionStats(db(), user, { ...ALL, limit: 2, cursor: first.nextCursor as string });
    expect(rest.nextCursor).toBeNull();
    const rows = [...first.data, ...rest.data];
    expect(new Set(rows.map(({ key }) => key))).toEqual(new Set(keys.map(({ session }) => session)));
    const { total } = await readStats(db(), user, 'user', ALL);
    expect(rows.reduce((sum, { requests }) => sum + requests, 0)).toBe(total.requests);
    expect(rows.reduce((sum, { errors }) => sum + errors, 0)).toBe(total.errors);
    // The call of the failed run was never reported.
    expect(total).toMatchObject({ usage: { inputTokens: null }, unmeteredCalls: 1 });
    expect(total.knownUsage).toMatchObject({ inputTokens: 60, outputTokens: 30 });
    expect(rows.reduce((sum, { knownUsage }) => sum + (knownUsage.inputTokens ?? 0), 0)).toBe(60);
    expect(rows.reduce((sum, { unmeteredCalls }) => sum + unmeteredCalls, 0)).toBe(1);
    expect(rows.find(({ key }) => key === keys[2]?.session)?.usage).toMatchObject({
      inputTokens: 30,
      outputTokens: 15,
    });
  });

  test('tokens and cost come by day, agent and session, and what is unknown is unknown beside what is known', async () => {
    const user = newUser();
    const key = newKey(user);
    await spend(db(), key, 'm1', 7_000_000);
    await spend(db(), key, 'm2', null);
    const { runId } = await send(db(), key, { id: 'm3', content: 'hi' });
    const { step, attempt } = await beginModel(db(), key, runId);
    const late = { runId, step, attempt, errorCode: 'timeout', usage: null, cost: UNKNOWN_COST } as const;
    await countFailedCall(db(), key, { ...late, firstTokenMs: null, durationMs: 1 });
    const known = { inputTokens: 20, outputTokens: 10, cachedTokens: 4, reasoningTokens: 0 };
    const spent = {
      calls: 3,
      usage: { inputTokens: null, outputTokens: null, cachedTokens: null, reasoningTokens: null },
      knownUsage: known,
      unmeteredCalls: 1,
      costUsd: null,
      knownCostUsd: 0.007,
      unpricedCalls: 2,
    };
    for (const by of ['day', 'agent', 'user'] as const) {
      const { data, total } = await readStats(db(), user, by, ALL);
      expect(data).toMatchObject([{ requests: 2, ...spent }]);
      expect(total).toMatchObject({ requests: 2, ...spent });
    }
    expect((await readSessionStats(db(), user, { ...ALL, limit: 10 })).data).toMatchObject([{ requests: 2, ...spent }]);
  });

  test('a day on which models were called and no run ended is there, and one on which nothing was called is not', async () => {
    const user = newUser();
    const key = newKey(user);
    const { runId } = await send(db(), key, { id: 'm1', content: 'hi' });
    await beginModel(db(), key, runId);
    expect(await readStats(db(), user, 'day', ALL)).toMatchObject({ data: [], total: { calls: 0, costUsd: 0 } });
    await commitStep(db(), key, {
      ...replyTo(runId, { step: 1, attempt: 1, throughSeq: 2 }, { toolCalls: [call('c1')] }),
      cost: { nanos: 2_000_000, priceSource: 'test', priceDate: null },
    });
    const { data } = await readStats(db(), user, 'day', ALL);
    expect(data).toMatchObject([{ requests: 0, errorRate: null, calls: 1, costUsd: 0.002 }]);
    // The reservation that is kept after the deletion does not count as a call.
    await db().query(`UPDATE perdure.usage_days SET calls = 0 WHERE user_id = $1`, [user]);
    expect((await readStats(db(), user, 'day', ALL)).data).toEqual([]);
  });

  test('a session says its error rate and mean time, and a list can ask for a rate', async () => {
    const user = newUser();
    const [good, bad] = [newKey(user), newKey(user)];
    await converse(db(), good, 'm1');
    await converse(db(), bad, 'm1');
    await fail(db(), bad, 'm2');
    expect(await readSession(db(), bad)).toMatchObject({ endedRuns: 2, errors: 1, errorRate: 0.5 });
    expect((await readSession(db(), good))?.meanMs).not.toBeNull();
    const list = async (minErrorRate: number) =>
      (await listSessions(db(), user, { minErrorRate, limit: 10 })).data.map(({ id }) => id);
    expect(await list(0.5)).toEqual([bad.session]);
    expect(await list(0.51)).toEqual([]);
    expect(await list(0)).toEqual([bad.session, good.session]);
  });

  test('a resumed run counts again when it ends again, but has no time', async () => {
    const user = newUser();
    const key = newKey(user);
    const runId = await fail(db(), key, 'm1');
    await requeueRun(db(), key, { runId, execution: null });
    await commitStep(db(), key, replyTo(runId, await beginModel(db(), key, runId)));
    // Saving an ended run again does not count it again.
    const late = { runId, step: 1, attempt: 1, errorCode: 'timeout', usage: null, cost: UNKNOWN_COST };
    await countFailedCall(db(), key, { ...late, firstTokenMs: null, durationMs: 1 });
    const { total } = await readStats(db(), user, 'user', ALL);
    expect(total).toMatchObject({ requests: 2, errors: 1, errorRate: 0.5 });
    const bySession = await readSessionStats(db(), user, { ...ALL, limit: 10 });
    expect(bySession.data).toMatchObject([{ requests: 2, errors: 1, errorRate: 0.5, meanMs: null }]);
    const [row] = await db().query<{ timed_runs: number }>(
      `SELECT timed_runs FROM perdure.sessions WHERE user_id = $1`,
      [user],
    );
    expect(row?.timed_runs).toBe(1);
  });

  test('ending a session counts every run that it cancels, and deleting it takes nothing back', async () => {
    const user = newUser();
    const key = newKey(user);
    for (const id of ['m1', 'm2', 'm3']) await send(db(), key, { id, content: 'hi' });
    await commitSessionEnd(db(), key, { status: 'completed', reason: null });
    expect((await readStats(db(), user, 'user', ALL)).total).toMatchObject({ requests: 3, cancelled: 3, meanMs: null });
    expect(await readSession(db(), key)).toMatchObject({ endedRuns: 3, errorRate: 0, meanMs: null });
    await deleteSession(db(), key);
    expect((await readStats(db(), user, 'user', ALL)).total.requests).toBe(3);
  });
});

describeStores(['postgres'], (db) => {
  test('forty sessions of one user that end runs at once lose no count', async () => {
    const user = newUser();
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        const key = newKey(user);
        for (const id of ['m1', 'm2', 'm3']) await converse(db(), key, id);
        await fail(db(), key, 'm4');
      }),
    );
    const { total } = await readStats(db(), user, 'user', ALL);
    expect(total).toMatchObject({ requests: 160, errors: 40, errorRate: 0.25 });
  }, 60_000);
});
