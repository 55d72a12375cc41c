import { expect, test } from 'vitest';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { resolveBudgets } from '../../../core/money/budget.ts';
import { dayOf } from '../../../core/money/utc-period.ts';
import type { Db } from '../../../store/db/db.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { readSessionExport } from '../../../store/sessions/read-session-export.ts';
import { createFromExport } from '../../../store/sessions/create-from-export.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { readPeriods } from '../../../store/budgets/read-periods.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { removeSession } from '../../../store/sessions/remove-session.ts';
import { reserveCall } from '../../../store/runs/reserve-call.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { beginModel, newKey, send } from '../conversation.ts';

const archived = { archives: () => true };
const deleted = { archives: () => false };

/** A session whose run was cancelled during a model call that reserved one dollar and whose outcome is never reported. */
async function withHeldCall(db: Db, endedBefore: string): Promise<{ key: SessionKey; runId: string }> {
  const key = newKey(newKey().session);
  const { runId } = await send(db, key, { id: 'm', content: 'hi' });
  const { step, attempt } = await beginModel(db, key, runId);
  const worst = { nanos: 1e9, tokens: 100 };
  await reserveCall(db, key, { runId, step, attempt, worst, budgets: resolveBudgets({ monthlyUsd: 10 }), budget: {} });
  await commitRunEnd(db, key, { runId, end: { status: 'cancelled', reason: 'x' }, partial: null, failSession: false });
  await db.query(`UPDATE perdure.runs SET ended_at = now() - $2::interval WHERE user_id = $1`, [key.user, endedBefore]);
  return { key, runId };
}

async function reserved(db: Db, { user }: SessionKey): Promise<readonly [number, number]> {
  const { month } = await readPeriods(db, user, dayOf(new Date().toISOString()));
  return [month.reservedNanos, month.reservedTokens];
}

describeStores(DATABASES, (db) => {
  test('what is set aside for a call that nobody will tell of any more goes with its session', async () => {
    for (const how of [archived, deleted]) {
      const { key } = await withHeldCall(db(), '11 minutes');
      expect(await reserved(db(), key)).toEqual([1e9, 100]);
      const { events } = await removeSession(db(), key, how);
      expect(await reserved(db(), key)).toEqual([0, 0]);
      const released = { type: 'budget.released', reservedUsd: 1, reservedTokens: 100 };
      expect(events).toMatchObject(how === archived ? [released, { type: 'session.archived' }] : []);
    }
  });

  test('a call whose run has just ended stays charged when its session is removed: nobody gets round a budget by deleting', async () => {
    for (const how of [archived, deleted]) {
      const { key } = await withHeldCall(db(), '9 minutes');
      await removeSession(db(), key, how);
      expect(await reserved(db(), key)).toEqual([1e9, 100]);
    }
  });

  test('what is set aside counts once, however often its session is archived and restored', async () => {
    const { key, runId } = await withHeldCall(db(), '1 minute');
    for (const id of ['m2', 'm3']) {
      await removeSession(db(), key, archived);
      expect(await reserved(db(), key)).toEqual([1e9, 100]);
      const { runId: next } = await send(db(), key, { id, content: 'again' });
      expect(await reserved(db(), key)).toEqual([1e9, 100]);
      const end = { status: 'cancelled', reason: 'x' } as const;
      await commitRunEnd(db(), key, { runId: next, end, partial: null, failSession: false });
    }
    expect((await readRun(db(), key, runId))?.modelCalls).toMatchObject([{ outcome: 'running', reservedUsd: 1 }]);
  });

  test('a copy of a session holds nothing of its user’s budget', async () => {
    const { key, runId } = await withHeldCall(db(), '1 minute');
    const copy = newKey(newKey().session);
    await createFromExport(db(), copy, await readSessionExport(db(), key));
    expect(await reserved(db(), copy)).toEqual([0, 0]);
    expect(await reserved(db(), key)).toEqual([1e9, 100]);
    expect((await readRun(db(), copy, runId))?.modelCalls).toMatchObject([{ reservedUsd: 1 }]);
    expect((await readEvents(db(), copy, { after: 0, limit: 100 })).events.at(-1)).toMatchObject({
      reason: 'imported',
    });
  });
});
