import { array, assert, asyncProperty, boolean, integer, record } from 'fast-check';
import { expect, test } from 'vitest';
import { countFailedCall } from '../../../store/runs/count-failed-call.ts';
import { resolveBudgets } from '../../../core/money/budget.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { releaseReservations } from '../../../store/admin/sweeps/release-reservations.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { readPeriods } from '../../../store/budgets/read-periods.ts';
import { readUsage } from '../../../store/read/statistics/read-usage.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { reserveCall } from '../../../store/runs/reserve-call.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { beginModel, newKey, pin, replyTo, USAGE } from '../conversation.ts';
import { begun, cost, ESTIMATE, freshUser, reservation, today } from './begun-call.ts';

describeStores(DATABASES, (db) => {
  test('a call that a budget refuses is not made: it counts neither as a call nor as a failed one', async () => {
    const { key, runId, position } = await begun(db());
    const budgets = resolveBudgets({ monthlyUsd: 0.5 });
    const refused = await reserveCall(db(), key, reservation(runId, position, { budgets }));
    expect(refused).toMatchObject({ kind: 'refused' });
    for (const by of ['day', 'session'] as const) {
      const { total, data } = await readUsage(db(), key.user, { by, from: today(), to: today() });
      expect([total.calls, total.failedCalls, data]).toEqual([0, 0, []]);
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
    const estimate = { ...ESTIMATE, inputTokens: 100, nanos: 1e9 };
    const all = { ...terms, estimate };
    await reserveCall(db(), key, reservation(runId, position, all));
    const second = await beginModel(db(), key, runId);
    expect(await reserveCall(db(), key, reservation(runId, second, all))).toEqual({ kind: 'reserved' });
    const third = await beginModel(db(), key, runId);
    const refused = await reserveCall(db(), key, reservation(runId, third, all));
    expect(refused).toMatchObject({
      kind: 'refused',
      facts: { scope, unit, used: unit === 'usd' ? 2 : 200, reserved: 0, limit },
    });
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

  test('sessions of a user that run side by side are warned when their calls reach the threshold together', async () => {
    const user = freshUser();
    const budgets = resolveBudgets({ dailyWarnUsd: 10 });
    const sessions = [await begun(db(), newKey(user)), await begun(db(), newKey(user))];
    const commits = await Promise.all(
      sessions.map(({ key, runId, position }) =>
        commitStep(db(), key, {
          ...replyTo(runId, position),
          cost: cost(6e9),
          budgets,
          claimed: position.claimed,
        }),
      ),
    );
    const warned = commits.flatMap(({ events }) => events.filter(({ type }) => type === 'budget.warned'));
    expect(warned).toMatchObject([{ kind: 'threshold', used: 12, limit: 10 }]);
  });

  test('maintenance releases what an older version has left reserved for calls that have ended, once, and charges estimates', async () => {
    const { key, runId, position } = await begun(db());
    await reserveCall(db(), key, reservation(runId, position));
    await reserveCall(db(), key, reservation(runId, await beginModel(db(), key, runId)));
    const held = async (columns: string, attempt: number) =>
      await db().query(
        `UPDATE perdure.model_calls SET held_nanos = reserved_nanos, held_tokens = reserved_tokens, estimated_nanos = NULL,
                estimated_input_tokens = NULL, estimated_output_tokens = NULL${columns}
          WHERE user_id = $1 AND attempt = $2`,
        [key.user, attempt],
      );
    const mine = async () => {
      const { released, failed } = await releaseReservations(db(), { olderThanMs: 0 });
      expect(failed).toBe(0);
      return released.filter((one) => one.key.user === key.user);
    };
    expect(await mine()).toEqual([]);
    const end = { status: 'cancelled', reason: 'cancelled' } as const;
    await commitRunEnd(db(), key, { runId, end, partial: null, failSession: false });
    await held('', 1);
    await held(`, outcome = 'running', ended_at = NULL`, 2);
    expect((await readPeriods(db(), key.user, today())).day).toMatchObject({ reservedNanos: 2e9, inFlightNanos: 0 });
    const early = (await releaseReservations(db(), { olderThanMs: 60_000 })).released;
    expect(early.filter((one) => one.key.user === key.user)).toMatchObject([{ attempt: 1, reservedUsd: 1 }]);
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
    expect((await readPeriods(db(), key.user, today())).day).toMatchObject({ reservedNanos: 0, reservedTokens: 0 });
    const run = await readRun(db(), key, runId);
    expect(run?.modelCalls).toMatchObject([
      { outcome: 'lost', reservedUsd: 1, costUsd: null, estimate: { inputTokens: 25, costUsd: 0.25 } },
      { outcome: 'lost', reservedUsd: 1, costUsd: null, estimate: { inputTokens: 25, costUsd: 0.25 } },
    ]);
  });

  test('deleting a session gives back no budget: the user’s sums stay, and a call in progress is charged its estimate', async () => {
    const { key, runId, position } = await begun(db());
    await commitStep(db(), key, { ...replyTo(runId, position), cost: cost(5) });
    const open = await begun(db(), key);
    await reserveCall(db(), key, reservation(open.runId, open.position));
    await deleteSession(db(), key);
    expect((await readPeriods(db(), key.user, today())).month).toMatchObject({
      usedNanos: 4e8 + 5,
      estimatedNanos: 4e8,
      reservedNanos: 0,
      unpricedCalls: 1,
    });
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

  test('however many calls run side by side, and however they end, what is spent and reserved never exceeds the limit', async () => {
    const call = record({
      worst: integer({ min: 1, max: 40 }),
      share: integer({ min: 0, max: 100 }),
      fails: boolean(),
    });
    await assert(
      asyncProperty(
        array(call, { minLength: 11, maxLength: 30 }),
        integer({ min: 10, max: 200 }),
        async (calls, limit) => {
          const user = freshUser();
          const budgets = resolveBudgets({ monthlyUsd: limit / 100, dailyTokens: limit * 10 });
          const isWithinLimits = async () => {
            const { month, day } = await readPeriods(db(), user, today());
            expect(month.usedNanos + month.reservedNanos).toBeLessThanOrEqual(limit * 1e7);
            expect(day.usedTokens + day.reservedTokens).toBeLessThanOrEqual(limit * 10);
          };
          const outcomes = await Promise.all(
            calls.map(async ({ worst, share, fails }) => {
              const { key, runId, position } = await begun(db(), newKey(user));
              const terms = { worst: { nanos: worst * 1e7, tokens: worst * 10 }, budgets };
              const { kind } = await reserveCall(db(), key, reservation(runId, position, terms));
              await isWithinLimits();
              if (kind !== 'reserved') return kind;
              const nanos = Math.floor((worst * 1e7 * share) / 100);
              const tokens = Math.floor((worst * 10 * share) / 100);
              const usage = { ...USAGE, inputTokens: tokens, outputTokens: 0 };
              if (fails) {
                const { step, attempt } = position;
                const estimate = { inputTokens: tokens, outputTokens: 0, nanos };
                const failed = {
                  runId,
                  step,
                  attempt,
                  errorCode: 'timeout',
                  usage: null,
                  firstTokenMs: null,
                  durationMs: 1,
                };
                await countFailedCall(db(), key, { ...failed, cost: cost(null), estimate });
              } else {
                await commitStep(db(), key, { ...replyTo(runId, position, { usage }), cost: cost(nanos), budgets });
              }
              await isWithinLimits();
              return kind;
            }),
          );
          expect((await readPeriods(db(), user, today())).month.reservedNanos).toBe(0);
          // No call is refused that fits beside all others.
          const fit = calls.reduce((sum, { worst }) => sum + worst, 0) <= limit;
          expect(fit && outcomes.includes('refused')).toBe(false);
        },
      ),
      { numRuns: 8 },
    );
  }, 60_000);

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
