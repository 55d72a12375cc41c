import { expect, test } from 'vitest';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../../store/db/db.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { stopRun } from '../../../store/runs/stop/stop-run.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { requeueRun } from '../../../store/sessions/requeue-run.ts';
import { restoreSession } from '../../../store/sessions/restore-session.ts';
import { sessionLimits } from '../../../contracts/session/session-limits.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { beginModel, newKey, send, started } from '../conversation.ts';

/** Ends the run as an activity does that Temporal has cancelled. Returns the committed end. */
async function cancel(db: Db, key: SessionKey, runId: string) {
  const end = { status: 'cancelled', reason: 'cancelled' } as const;
  const { events } = await commitRunEnd(db, key, { runId, end, partial: null, failSession: false });
  return events.at(-1);
}

async function recorded(db: Db, key: SessionKey): Promise<unknown[]> {
  const rows = await db.query<{ stop_reason: string | null }>(
    `SELECT stop_reason FROM perdure.runs WHERE user_id = $1 AND session_id = $2 ORDER BY ordinal`,
    [key.user, key.session],
  );
  return rows.map(({ stop_reason }) => stop_reason);
}

describeStores(DATABASES, (db) => {
  test('a run is cancelled for the reason for which its stop was requested first', async () => {
    const { key, runId } = await started(db());
    await beginModel(db(), key, runId);
    await stopRun(db(), key, runId, 'interrupted');
    await stopRun(db(), key, runId, 'session_ended');
    expect(await cancel(db(), key, runId)).toMatchObject({ type: 'run.cancelled', reason: 'interrupted' });
  });

  test('a run whose stop was not requested is cancelled for the given reason, and a failure stays one', async () => {
    const { key, runId } = await started(db());
    expect(await cancel(db(), key, runId)).toMatchObject({ reason: 'cancelled' });
    const second = await send(db(), key, { id: 'm2', content: 'again' });
    await beginModel(db(), key, second.runId);
    await stopRun(db(), key, second.runId, 'interrupted');
    const end = { status: 'failed', error: { code: 'internal', detail: 'It failed.' } } as const;
    const failed = await commitRunEnd(db(), key, { runId: second.runId, end, partial: null, failSession: false });
    expect(failed.events.at(-1)).toMatchObject({ type: 'run.failed', error: { code: 'internal' } });
  });

  test('a run that no activity executes is cancelled by the request of its stop', async () => {
    const { key, runId } = await started(db());
    const { status, events } = await stopRun(db(), key, runId, 'interrupted');
    expect([status, events]).toMatchObject(['cancelled', [{ type: 'run.cancelled', reason: 'interrupted' }]]);
    expect(await stopRun(db(), key, runId, 'cancelled')).toMatchObject({ status: 'cancelled', events: [] });
  });

  test('a resumed run is cancelled for a reason of its own', async () => {
    const { key, runId } = await started(db());
    await beginModel(db(), key, runId);
    await stopRun(db(), key, runId, 'interrupted');
    await cancel(db(), key, runId);
    await requeueRun(db(), key, { runId, execution: null });
    expect(await recorded(db(), key)).toEqual([null]);
    await beginModel(db(), key, runId);
    await stopRun(db(), key, runId, 'session_ended');
    expect(await cancel(db(), key, runId)).toMatchObject({ reason: 'session_ended' });
  });

  test('a run that has ended keeps its reason, and a run or session that does not exist gets none', async () => {
    const { key, runId } = await started(db());
    await cancel(db(), key, runId);
    expect((await stopRun(db(), key, runId, 'interrupted')).status).toBe('cancelled');
    expect((await stopRun(db(), key, 'no-such-run', 'interrupted')).status).toBe(null);
    expect((await stopRun(db(), newKey(), runId, 'interrupted')).status).toBe(null);
    expect(await recorded(db(), key)).toEqual([null]);
  });

  test('a stop that an execution has requested does not name the cancel of the next one', async () => {
    const key = newKey();
    const { runId } = await send(db(), key, { id: 'm1', content: 'hello' }, { execution: 'first' });
    await beginModel(db(), key, runId);
    await stopRun(db(), key, runId, 'session_ended');
    await send(db(), key, { id: 'm2', content: 'more' }, { execution: 'second' });
    expect(await cancel(db(), key, runId)).toMatchObject({ reason: 'cancelled' });
  });

  test('the reason returns with an archive, and an import leaves it out', async () => {
    const { key, runId } = await started(db());
    await beginModel(db(), key, runId);
    await stopRun(db(), key, runId, 'interrupted');
    await cancel(db(), key, runId);
    const document = await exportOf(db(), key);
    await archiveSession(db(), key);
    await restoreSession(db(), key, sessionLimits());
    expect(await recorded(db(), key)).toEqual(['interrupted']);
    const there = newKey('eve');
    await importDocument(db(), there, document);
    expect(await recorded(db(), there)).toEqual([null]);
    const { events } = await readEvents(db(), there, { after: 0, limit: 100 });
    expect(events).toContainEqual(expect.objectContaining({ type: 'run.cancelled', reason: 'interrupted' }));
  });
});
