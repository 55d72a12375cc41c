import { expect, test } from 'vitest';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { resolveBudgets } from '../../../core/money/budget.ts';
import { beginStep } from '../../../store/runs/begin-step.ts';
import { releaseReservations } from '../../../store/admin/sweeps/release-reservations.ts';
import { commitStep } from '../../../store/runs/commit-step.ts';
import { countFailedCall } from '../../../store/runs/count-failed-call.ts';
import type { Db } from '../../../store/db/db.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { readPeriods } from '../../../store/budgets/read-periods.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { reserveCall, type Reservation } from '../../../store/runs/reserve-call.ts';
import { dayOf } from '../../../core/money/utc-period.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { beginModel, call, converse, newKey, pin, replyTo, send, USAGE } from '../conversation.ts';

const cost = (nanos: number | null) => ({ nanos, priceSource: 'test', priceDate: '2026-01-01' });
const freshUser = () => `user-${newKey().session}`;
const today = () => dayOf(new Date().toISOString());

async function begun(db: Db, key: SessionKey = newKey(freshUser())) {
  const { runId } = await send(db, key, { id: newKey().session, content: 'hi' });
  return { key, runId, position: await beginModel(db, key, runId) };
}

function reservation(
  runId: string,
  { step, attempt }: { step: number; attempt: number },
  more: Partial<Reservation> = {},
): Reservation {
  const worst = { nanos: 1e9, tokens: 100 };
  return { runId, step, attempt, worst, budgets: resolveBudgets({ monthlyUsd: 10 }), budget: {}, ...more };
}

describeStores(DATABASES, (db) => {
  test('each model call has a record, with its tokens and its cost, and run, session and day sum them up', async () => {
    const { key, runId, position } = await begun(db());
    const running = await readRun(db(), key, runId);
    expect(running?.modelCalls).toMatchObject([
      { step: 1, attempt: 1, model: 'scripted/one', outcome: 'running', costUsd: null, endedAt: null },
    ]);
    await commitStep(db(), key, {
      ...replyTo(runId, position, { toolCalls: [call('c', { refused: 'no' })] }),
      cost: cost(2_500_000),
    });
    const second = await beginModel(db(), key, runId);
    const ended = await commitStep(db(), key, { ...replyTo(runId, second), cost: cost(500_000) });

    expect(ended.events.at(-1)).toMatchObject({ type: 'run.completed', costUsd: 0.003 });
    const run = await readRun(db(), key, runId);
    expect(run).toMatchObject({ costUsd: 0.003, knownCostUsd: 0.003, unpricedCalls: 0 });
    expect(run?.modelCalls).toMatchObject([
      {
        step: 1,
        outcome: 'completed',
        usage: USAGE,
        costUsd: 0.0025,
        priceSource: 'test',
        firstTokenMs: 20,
        durationMs: 100,
      },
      { step: 2, outcome: 'completed', answeredBy: 'one', costUsd: 0.0005, priceDate: '2026-01-01', reservedUsd: null },
    ]);
    expect(await readSession(db(), key)).toMatchObject({ costUsd: 0.003, unpricedCalls: 0 });
    const { day } = await readPeriods(db(), key.user, today());
    expect(day).toMatchObject({ usedNanos: 3_000_000, usedTokens: 30, unpricedCalls: 0 });
  });

  test('one call of unknown cost makes the sum unknown, and says so', async () => {
    const { key, runId, position } = await begun(db());
    await commitStep(db(), key, { ...replyTo(runId, position), cost: cost(null) });
    await converse(db(), key, 'm2');
    expect(await readSession(db(), key)).toMatchObject({ costUsd: null, knownCostUsd: 0, unpricedCalls: 2 });
    expect((await readPeriods(db(), key.user, today())).month).toMatchObject({ unpricedCalls: 2, usedTokens: 30 });
  });

  test('an attempt that another one follows is lost: its tokens are unknown and its reservation stays charged', async () => {
    const { key, runId, position } = await begun(db());
    expect(await reserveCall(db(), key, reservation(runId, position))).toEqual({ kind: 'reserved' });
    const again = await beginModel(db(), key, runId);
    expect(again).toMatchObject({ step: 1, attempt: 2 });
    await reserveCall(db(), key, reservation(runId, again));
    await commitStep(db(), key, { ...replyTo(runId, again), cost: cost(1_000) });

    const run = await readRun(db(), key, runId);
    expect(run).toMatchObject({ costUsd: null, knownCostUsd: 0.000001, unpricedCalls: 1 });
    expect(run?.modelCalls).toMatchObject([
      { attempt: 1, outcome: 'lost', usage: { inputTokens: null }, costUsd: null, reservedUsd: 1, reservedTokens: 100 },
      { attempt: 2, outcome: 'completed', costUsd: 0.000001, reservedUsd: 1 },
    ]);
    const { month } = await readPeriods(db(), key.user, today());
    expect(month).toMatchObject({ usedNanos: 1_000, usedTokens: 15, reservedNanos: 1e9, reservedTokens: 100 });
  });

  test('a failed call is recorded with its code; what the provider refused cost nothing', async () => {
    const { key, runId, position } = await begun(db());
    const of = { runId, step: 1, firstTokenMs: null, durationMs: 40 };
    const nothing = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, reasoningTokens: 0 };
    await reserveCall(db(), key, reservation(runId, position));
    await countFailedCall(db(), key, { ...of, attempt: 1, errorCode: 'rate_limited', usage: nothing, cost: cost(0) });
    expect((await readPeriods(db(), key.user, today())).day).toMatchObject({ reservedNanos: 0, reservedTokens: 0 });
    const second = await beginModel(db(), key, runId);
    await reserveCall(db(), key, reservation(runId, second));
    await countFailedCall(db(), key, {
      ...of,
      attempt: 2,
      errorCode: 'stream_truncated',
      usage: null,
      cost: cost(null),
    });

    const run = await readRun(db(), key, runId);
    expect(run).toMatchObject({ costUsd: null, knownCostUsd: 0, unpricedCalls: 1 });
    expect(run?.modelCalls).toMatchObject([
      { outcome: 'failed', errorCode: 'rate_limited', costUsd: 0, durationMs: 40 },
      { outcome: 'failed', errorCode: 'stream_truncated', costUsd: null },
    ]);
    expect((await readPeriods(db(), key.user, today())).day).toMatchObject({ reservedNanos: 1e9, reservedTokens: 100 });
  });

  test('a stopped call is recorded, also when somebody else has ended its run before', async () => {
    for (const late of [false, true]) {
      const { key, runId, position } = await begun(db());
      const { step, attempt, throughSeq } = position;
      const partial = {
        step,
        attempt,
        throughSeq,
        text: 'so f',
        reasoning: '',
        model: 'one',
        firstTokenMs: 5,
        durationMs: 50,
      };
      const end = { status: 'cancelled', reason: 'cancelled' } as const;
      if (late) await commitRunEnd(db(), key, { runId, end, partial: null, failSession: false });
      await commitRunEnd(db(), key, { runId, end, partial, failSession: false });
      const run = await readRun(db(), key, runId);
      expect(run?.modelCalls).toMatchObject([{ outcome: 'stopped', durationMs: 50, firstTokenMs: 5, costUsd: null }]);
      expect(run).toMatchObject({ costUsd: null, unpricedCalls: 1 });
    }
  });

  test.each([
    ['month', { budgets: resolveBudgets({ monthlyUsd: 2.5 }) }, 'usd', 2.5],
    ['month', { budgets: resolveBudgets({ monthlyTokens: 250 }) }, 'tokens', 250],
    ['day', { budgets: resolveBudgets({ dailyUsd: 2.5 }) }, 'usd', 2.5],
    ['session', { budgets: resolveBudgets(), budget: { sessionTokens: 250 } }, 'tokens', 250],
    ['run', { budgets: resolveBudgets(), budget: { runUsd: 2.5 } }, 'usd', 2.5],
  ] as const)('the budget of the %s holds what it holds and no more (%j)', async (scope, terms, unit, limit) => {
    const { key, runId, position } = await begun(db());
    await reserveCall(db(), key, reservation(runId, position, terms));
    const second = await beginModel(db(), key, runId);
    expect(await reserveCall(db(), key, reservation(runId, second, terms))).toEqual({ kind: 'reserved' });
    const third = await beginModel(db(), key, runId);
    const refused = await reserveCall(db(), key, reservation(runId, third, terms));
    expect(refused).toMatchObject({ kind: 'refused', facts: { scope, unit, used: 0, limit } });
    const run = await readRun(db(), key, runId);
    expect(run?.modelCalls.at(-1)).toMatchObject({ outcome: 'failed', errorCode: 'budget_exceeded', costUsd: 0 });
  });

  test('an attempt that was superseded cannot reserve', async () => {
    const { key, runId, position } = await begun(db());
    await beginStep(db(), key, { runId, pin });
    expect(await reserveCall(db(), key, reservation(runId, position))).toEqual({ kind: 'stale' });
  });

  test('what was used yesterday counts for the month only, and what was used last month not at all', async () => {
    const { key, runId, position } = await begun(db());
    const add = (day: string, nanos: number) =>
      db().query(
        `INSERT INTO perdure.usage_days VALUES ($1, $2, 'assistant', 'scripted/one', 1, 0, 0, 0, 1, 1, 0, 0, $3)`,
        [key.user, day, nanos],
      );
    await add('2026-03-31', 5e9);
    await add('2026-04-01', 1e9);
    await add('2026-04-29', 2e9);
    await add('2026-04-30', 4e9);
    await add('2026-05-01', 8e9);
    expect(await readPeriods(db(), key.user, '2026-04-30')).toMatchObject({
      month: { usedNanos: 7e9 },
      day: { usedNanos: 4e9 },
    });
    expect(await readPeriods(db(), key.user, '2026-04-01')).toMatchObject({
      month: { usedNanos: 7e9 },
      day: { usedNanos: 1e9 },
    });
    expect(await reserveCall(db(), key, reservation(runId, position))).toEqual({ kind: 'reserved' });
  });

  test('a warning is given once for each user and period, in the session that went past the mark', async () => {
    const user = freshUser();
    const budgets = resolveBudgets({ monthlyUsd: 20, dailyWarnUsd: 10 });
    const spend = async (nanos: number) => {
      const { key, runId, position } = await begun(db(), newKey(user));
      const { events } = await commitStep(db(), key, { ...replyTo(runId, position), cost: cost(nanos), budgets });
      return events.filter(({ type }) => type === 'budget.warned');
    };
    expect(await spend(9.99e9)).toEqual([]);
    expect(await spend(0.01e9)).toMatchObject([{ scope: 'day', kind: 'threshold', unit: 'usd', used: 10, limit: 10 }]);
    expect(await spend(5.99e9)).toEqual([]);
    expect(await spend(0.01e9)).toMatchObject([{ scope: 'month', kind: 'limit', used: 16, limit: 20 }]);
    expect(await spend(9e9)).toEqual([]);
  });

  test('maintenance releases what is set aside for a run that is over, once, and says so; a lost attempt stays charged', async () => {
    const { key, runId, position } = await begun(db());
    await reserveCall(db(), key, reservation(runId, position));
    await reserveCall(db(), key, reservation(runId, await beginModel(db(), key, runId)));
    const mine = async () => {
      const { released, failed } = await releaseReservations(db(), { olderThanMs: 0 });
      expect(failed).toBe(0);
      return released.filter((one) => one.key.user === key.user);
    };
    expect(await mine()).toEqual([]);
    const end = { status: 'cancelled', reason: 'cancelled' } as const;
    await commitRunEnd(db(), key, { runId, end, partial: null, failSession: false });
    expect((await readPeriods(db(), key.user, today())).day).toMatchObject({ reservedNanos: 2e9 });
    expect((await releaseReservations(db())).released.filter((one) => one.key.user === key.user)).toEqual([]);
    expect(await mine()).toMatchObject([
      {
        key,
        runId,
        step: 1,
        attempt: 2,
        reservedUsd: 1,
        reservedTokens: 100,
        events: [{ type: 'budget.released', runId, attempt: 2, reservedUsd: 1 }],
      },
    ]);
    expect(await mine()).toEqual([]);
    expect((await readPeriods(db(), key.user, today())).day).toMatchObject({ reservedNanos: 1e9, unpricedCalls: 2 });
    const run = await readRun(db(), key, runId);
    expect(run?.modelCalls).toMatchObject([
      { outcome: 'lost', reservedUsd: 1 },
      { outcome: 'lost', reservedUsd: 1, costUsd: null },
    ]);
  });

  test('deleting a session gives back no budget: the user’s sums stay, and what is not settled stays charged', async () => {
    const { key, runId, position } = await begun(db());
    await commitStep(db(), key, { ...replyTo(runId, position), cost: cost(5) });
    const open = await begun(db(), key);
    await reserveCall(db(), key, reservation(open.runId, open.position));
    await deleteSession(db(), key);
    expect((await readPeriods(db(), key.user, today())).month).toMatchObject({ usedNanos: 5, reservedNanos: 1e9 });
  });
});

// On a server: PGlite has one connection, so it cannot show locking errors.
describeStores(['postgres'], (db) => {
  test('fifty sessions of one user against a budget for ten calls: ten are reserved', async () => {
    const user = freshUser();
    const sessions = await Promise.all(Array.from({ length: 50 }, () => begun(db(), newKey(user))));
    const outcomes = await Promise.all(
      sessions.map(({ key, runId, position }) => reserveCall(db(), key, reservation(runId, position))),
    );
    expect(outcomes.filter(({ kind }) => kind === 'reserved')).toHaveLength(10);
    expect(outcomes.filter(({ kind }) => kind === 'refused')).toHaveLength(40);
    expect((await readPeriods(db(), user, today())).month).toMatchObject({ usedNanos: 0, reservedNanos: 10e9 });
  });

  test('of sessions that go past a mark at once, one warns', async () => {
    const user = freshUser();
    const sessions = await Promise.all(Array.from({ length: 20 }, () => begun(db(), newKey(user))));
    const commits = await Promise.all(
      sessions.map(({ key, runId, position }) =>
        commitStep(db(), key, { ...replyTo(runId, position), cost: cost(3e9) }),
      ),
    );
    const warned = commits.flatMap(({ events }) => events).filter(({ type }) => type === 'budget.warned');
    // Concurrent calls may not see each other's usage; the next call does.
    const next = await begun(db(), newKey(user));
    const last = await commitStep(db(), next.key, { ...replyTo(next.runId, next.position), cost: cost(0) });
    warned.push(...last.events.filter(({ type }) => type === 'budget.warned'));
    expect(warned).toHaveLength(1);
    expect((await readPeriods(db(), user, today())).day.usedNanos).toBe(60e9);
  });
});
