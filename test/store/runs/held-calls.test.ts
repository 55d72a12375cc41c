import { expect, test } from 'vitest';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { resolveBudgets } from '../../../core/money/budget.ts';
import { dayOf } from '../../../core/money/utc-period.ts';
import type { Db } from '../../../store/db/db.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { readPeriods } from '../../../store/budgets/read-periods.ts';
import { chargeRemovedCall } from '../../../store/budgets/charge-removed-call.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { removeSession } from '../../../store/sessions/remove-session.ts';
import { reserveCall } from '../../../store/runs/reserve-call.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { beginModel, newKey, send } from '../conversation.ts';

const archived = { archives: () => true };
const deleted = { archives: () => false };

/** A session whose run was cancelled during a model call that reserved one dollar and whose outcome is never reported. `leftHeld`: by an older version, which kept the reservation. */
async function withCall(db: Db, leftHeld = false): Promise<{ key: SessionKey; runId: string }> {
  const key = newKey(newKey().session);
  const { runId } = await send(db, key, { id: 'm', content: 'hi' });
  const { step, attempt } = await beginModel(db, key, runId);
  const worst = { nanos: 1e9, tokens: 100 };
  const estimate = { inputTokens: 40, outputTokens: 0, nanos: 4e8, priceSource: null, priceDate: null };
  await reserveCall(db, key, {
    runId,
    step,
    attempt,
    worst,
    estimate,
    budgets: resolveBudgets({ monthlyUsd: 10 }),
    budget: {},
  });
  await commitRunEnd(db, key, { runId, end: { status: 'cancelled', reason: 'x' }, partial: null, failSession: false });
  if (leftHeld) {
    await db.query(
      `UPDATE perdure.model_calls SET outcome = 'running', ended_at = NULL, held_nanos = 1e9, held_tokens = 100,
              estimated_input_tokens = NULL, estimated_output_tokens = NULL, estimated_nanos = NULL
        WHERE user_id = $1`,
      [key.user],
    );
    await db.query(`DELETE FROM perdure.usage_days WHERE user_id = $1`, [key.user]);
  }
  return { key, runId };
}

/** What is reserved, and what is charged: nano-dollars and tokens. */
async function charged(db: Db, { user }: SessionKey): Promise<object> {
  const { month } = await readPeriods(db, user, dayOf(new Date().toISOString()));
  const { usedNanos, usedTokens, reservedNanos, reservedTokens, unpricedCalls } = month;
  return { used: [usedNanos, usedTokens], reserved: [reservedNanos, reservedTokens], unpricedCalls };
}

const ESTIMATED = { used: [4e8, 40], reserved: [0, 0], unpricedCalls: 1 };

describeStores(DATABASES, (db) => {
  test('what an older version has left reserved for a call that has ended is charged by a quarter with its session', async () => {
    for (const how of [archived, deleted]) {
      const { key } = await withCall(db(), true);
      expect(await charged(db(), key)).toMatchObject({ used: [0, 0], reserved: [1e9, 100] });
      const { events } = await removeSession(db(), key, how);
      expect(await charged(db(), key)).toMatchObject({ used: [2.5e8, 25], reserved: [0, 0] });
      const released = { type: 'budget.released', reservedUsd: 1, reservedTokens: 100 };
      expect(events).toMatchObject(how === archived ? [released, { type: 'session.archived' }] : []);
    }
  });

  test('a call whose run has ended is charged its estimate, also when its session is removed: no budget is bypassed by deleting', async () => {
    for (const how of [archived, deleted]) {
      const { key } = await withCall(db());
      expect(await charged(db(), key)).toEqual(ESTIMATED);
      await removeSession(db(), key, how);
      expect(await charged(db(), key)).toEqual(ESTIMATED);
    }
  });

  test('the output of a call whose session was deleted meanwhile is charged when its worker reports it', async () => {
    const key = newKey(newKey().session);
    const { runId } = await send(db(), key, { id: 'm', content: 'hi' });
    const { step, attempt, claimed } = await beginModel(db(), key, runId);
    const worst = { nanos: 1e9, tokens: 100 };
    const estimate = { inputTokens: 40, outputTokens: 0, nanos: 4e8, priceSource: null, priceDate: null };
    const budgets = resolveBudgets({ monthlyUsd: 10 });
    await reserveCall(db(), key, { runId, step, attempt, worst, estimate, budgets, budget: {} });
    await removeSession(db(), key, deleted);
    expect(await charged(db(), key)).toEqual(ESTIMATED);
    await chargeRemovedCall(db(), key.user, claimed.modelCall, { outputTokens: 20, nanos: 2e8 });
    expect(await charged(db(), key)).toEqual({ ...ESTIMATED, used: [6e8, 60] });
  });

  test('a wait that was recorded after the end of its run does not stay open', async () => {
    const { key, runId } = await withCall(db());
    await db().query(
      `INSERT INTO perdure.waits (user_id, session_id, run_id, kind, provider, started_at)
       VALUES ($1, $2, $3, 'cool_down', 'openai', now())`,
      [key.user, key.session, runId],
    );
    const end = { status: 'cancelled', reason: 'x' } as const;
    await commitRunEnd(db(), key, { runId, end, partial: null, failSession: false });
    const open = `SELECT 1 FROM perdure.waits WHERE user_id = $1 AND ended_at IS NULL`;
    expect(await db().query(open, [key.user])).toEqual([]);
  });

  test('a call is charged once, however often its session is archived and restored', async () => {
    const { key, runId } = await withCall(db());
    for (const id of ['m2', 'm3']) {
      await removeSession(db(), key, archived);
      expect(await charged(db(), key)).toEqual(ESTIMATED);
      const { runId: next } = await send(db(), key, { id, content: 'again' });
      expect(await charged(db(), key)).toEqual(ESTIMATED);
      const end = { status: 'cancelled', reason: 'x' } as const;
      await commitRunEnd(db(), key, { runId: next, end, partial: null, failSession: false });
    }
    expect((await readRun(db(), key, runId))?.modelCalls).toMatchObject([
      { outcome: 'stopped', reservedUsd: 1, estimate: { inputTokens: 40, outputTokens: 0, costUsd: 0.4 } },
    ]);
  });

  test('a copy of a session charges nothing to its user’s budget, and none of its calls or waits is open', async () => {
    const { key, runId } = await withCall(db());
    const open = await send(db(), key, { id: 'open', content: 'hi' });
    await beginModel(db(), key, open.runId);
    await db().query(
      `INSERT INTO perdure.waits (user_id, session_id, run_id, kind, provider, started_at)
       VALUES ($1, $2, $3, 'circuit', 'openai', now())`,
      [key.user, key.session, runId],
    );
    const copy = newKey(newKey().session);
    await importDocument(db(), copy, await exportOf(db(), key));
    expect(await charged(db(), copy)).toEqual({ used: [0, 0], reserved: [0, 0], unpricedCalls: 0 });
    expect(await charged(db(), key)).toEqual(ESTIMATED);
    expect((await readRun(db(), copy, runId))?.modelCalls).toMatchObject([{ reservedUsd: 1 }]);
    expect((await readRun(db(), copy, open.runId))?.modelCalls).toMatchObject([{ outcome: 'lost' }]);
    expect(
      await db().query(`SELECT 1 FROM perdure.waits WHERE user_id = $1 AND ended_at IS NULL`, [copy.user]),
    ).toEqual([]);
    expect((await readEvents(db(), copy, { after: 0, limit: 100 })).events.at(-1)).toMatchObject({
      reason: 'imported',
    });
  });
});
