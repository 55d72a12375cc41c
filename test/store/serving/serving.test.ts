import { expect, test } from 'vitest';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { setStopReason } from '../../../store/runs/stop/stop-reason.ts';
import { startTool } from '../../../store/runs/start-tool.ts';
import type { Db } from '../../../store/db/db.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { commitAdmissions } from '../../../store/admission/commit-admissions.ts';
import { findNextRun } from '../../../store/serving/find-next-run.ts';
import { leaveSession } from '../../../store/serving/leave-session.ts';
import { loadNextRun } from '../../../store/serving/load-next-run.ts';
import { readServingMark } from '../../../store/serving/read-serving-mark.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { explaining } from '../../support/store/explaining.ts';
import { admission, call, newKey, pin, replyTo, send, started } from '../conversation.ts';

/** Claims a run's next model call for a worker. */
async function claim(db: Db, key: SessionKey, runId: string, workerId: string, epoch: number | null = null) {
  const position = await beginStep(db, key, { runId, pin, server: { workerId, epoch } });
  if (position.kind !== 'model') throw new Error(`The run is at ${position.kind}.`);
  return position;
}

async function served(db: Db, key: SessionKey, id: string): Promise<boolean> {
  return (await commitAdmissions(db, key, admission({ messages: [{ id, content: 'more' }] }))).served;
}

describeStores(DATABASES, (db) => {
  test('an admission reports whether an activity serves the session', async () => {
    const { key, runId } = await started(db());
    expect(await served(db(), key, 'm2')).toBe(false);
    const { epoch } = await claim(db(), key, runId, 'one');
    expect(await served(db(), key, 'm3')).toBe(true);
    await leaveSession(db(), key, { epoch, handsOver: true });
    expect(await served(db(), key, 'm4')).toBe(false);
  });

  test('an activity leaves only when no run is open, unless it hands them over', async () => {
    const { key, runId } = await started(db());
    const position = await claim(db(), key, runId, 'one');
    const { epoch } = position;
    expect(await leaveSession(db(), key, { epoch, handsOver: false })).toMatchObject({ kind: 'open', next: { runId } });
    await commitStep(db(), key, replyTo(runId, position));
    const { runId: second } = await send(db(), key, { id: 'm2', content: 'and?' });
    const open = { kind: 'open', next: { runId: second, ordinal: 2, urgent: false, traceparent: null } };
    expect(await leaveSession(db(), key, { epoch, handsOver: false })).toEqual(open);
    expect(await leaveSession(db(), key, { epoch, handsOver: true })).toMatchObject({ kind: 'handedOver' });
    const next = await claim(db(), key, second, 'two');
    await commitStep(db(), key, replyTo(second, next));
    expect(await leaveSession(db(), key, { epoch: next.epoch, handsOver: false })).toEqual({
      kind: 'left',
      lastOrdinal: 2,
      status: 'active',
    });
  });

  test('an activity that was superseded claims nothing, commits nothing and ends no serving', async () => {
    const { key, runId } = await started(db());
    const stale = await claim(db(), key, runId, 'frozen');
    const current = await claim(db(), key, runId, 'next');
    expect(current).toMatchObject({ attempt: 2, epoch: stale.epoch + 1 });
    const server = { workerId: 'frozen', epoch: stale.epoch };
    expect(await beginStep(db(), key, { runId, pin, server })).toMatchObject({ kind: 'superseded', events: [] });
    expect(await commitStep(db(), key, replyTo(runId, stale))).toMatchObject({ outcome: 'stale' });
    expect(await leaveSession(db(), key, { epoch: stale.epoch, handsOver: true })).toEqual({ kind: 'superseded' });
    expect(await served(db(), key, 'm2')).toBe(true);
  });

  test('an activity begins to serve only if no other one has begun to since it has found the session', async () => {
    const { key, runId } = await started(db());
    const found = (await loadNextRun(db(), key, null))?.known;
    const follows = found?.session.row.epoch ?? Number.NaN;
    const current = await claim(db(), key, runId, 'one');
    const server = { workerId: 'late', epoch: null, follows };
    for (const known of [found ?? null, null]) {
      const late = await beginStep(db(), key, { runId, pin, server, known });
      expect(late).toMatchObject({ kind: 'superseded', events: [] });
    }
    expect(await leaveSession(db(), key, { epoch: follows, handsOver: true })).toEqual({ kind: 'superseded' });
    expect(await served(db(), key, 'm2')).toBe(true);
    const next = { ...server, follows: current.epoch };
    expect(await beginStep(db(), key, { runId, pin, server: next })).toMatchObject({ kind: 'model', attempt: 2 });
  });

  test('an activity that was superseded begins no tool', async () => {
    const { key, runId } = await started(db());
    const position = await claim(db(), key, runId, 'frozen');
    await commitStep(db(), key, replyTo(runId, position, { toolCalls: [call('c1')] }));
    await beginStep(db(), key, { runId, pin, server: { workerId: 'next', epoch: null } });
    const tool = { runId, callId: 'c1', idempotent: true, maxAttempts: 3 };
    expect(await startTool(db(), key, { ...tool, epoch: position.epoch })).toMatchObject({ claim: 'superseded' });
    expect(await startTool(db(), key, { ...tool, epoch: position.epoch + 1 })).toMatchObject({
      claim: 'run',
      attempt: 1,
    });
  });

  test('another workflow execution ends the serving by the one before it', async () => {
    const key = newKey();
    const { runId } = await send(db(), key, { id: 'm1', content: 'hi' }, { execution: 'first' });
    const { epoch } = await claim(db(), key, runId, 'one');
    const { served: isServed } = await commitAdmissions(
      db(),
      key,
      admission({ messages: [{ id: 'm2', content: 'more' }], execution: 'second' }),
    );
    expect(isServed).toBe(false);
    expect(await leaveSession(db(), key, { epoch, handsOver: true })).toEqual({ kind: 'superseded' });
  });

  test('no step of a run begins after its stop was requested', async () => {
    const { key, runId } = await started(db());
    await claim(db(), key, runId, 'one');
    await db().transaction((tx) => setStopReason(tx, key, runId, 'interrupted'));
    const server = { workerId: 'one', epoch: null };
    expect(await beginStep(db(), key, { runId, pin, server })).toMatchObject({
      kind: 'stopped',
      reason: 'interrupted',
    });
  });

  test('a message that interrupts a run requests its stop with the admission', async () => {
    const { key, runId } = await started(db());
    const { epoch } = await claim(db(), key, runId, 'one');
    await send(db(), key, { id: 'm2', content: 'stop', whileRunning: 'interrupt' });
    const position = await beginStep(db(), key, { runId, pin, server: { workerId: 'one', epoch } });
    expect(position).toMatchObject({ kind: 'stopped', reason: 'interrupted' });
  });

  test('the search for the next run reads no whole table, and looks once for a run that holds the queue', async () => {
    const { key, runId } = await started(db());
    const store = explaining(db());
    await loadNextRun(store, key, null);
    await findNextRun(store, key);
    await readServingMark(store, key, runId);
    expect(store.plans).toHaveLength(3);
    expect(store.plans.filter((plan) => plan.includes('Seq Scan'))).toEqual([]);
    // A plan of its own for each queued run.
    expect(store.plans.filter((plan) => /SubPlan \d+\s+->.* runs w/.test(plan))).toEqual([]);
  });

  test('the next run is the running one, then urgent ones, then the order of admission', async () => {
    const { key, runId } = await started(db());
    await claim(db(), key, runId, 'one');
    const queued = await send(db(), key, { id: 'm2', content: 'queued' });
    const urgent = await send(db(), key, { id: 'm3', content: 'urgent', whileRunning: 'interrupt' });
    expect((await findNextRun(db(), key))?.runId).toBe(runId);
    await db().query(`UPDATE perdure.runs SET status = 'cancelled' WHERE run_id = $1`, [runId]);
    expect((await findNextRun(db(), key))?.runId).toBe(urgent.runId);
    await db().query(`UPDATE perdure.runs SET status = 'cancelled' WHERE run_id = $1`, [urgent.runId]);
    expect((await findNextRun(db(), key))?.runId).toBe(queued.runId);
    await db().query(`UPDATE perdure.runs SET status = 'cancelled' WHERE run_id = $1`, [queued.runId]);
    expect(await findNextRun(db(), key)).toBeNull();
  });
});
