import { expect, test } from 'vitest';
import { commitAdmissions } from '../../../store/admission/commit-admissions.ts';
import type { Db } from '../../../store/db/db.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { getOrCreateSession } from '../../../store/sessions/get-or-create-session.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { requeueRun } from '../../../store/sessions/requeue-run.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { admission, beginModel, newKey, send } from '../conversation.ts';

/** A session whose workflow was lost after it admitted an interrupting message and before it stopped the run. */
async function interrupted(db: Db): Promise<{ key: SessionKey; stopped: string; urgent: string; over: string }> {
  const key = newKey();
  const first = await send(db, key, { id: 'm0', content: 'zero' }, { execution: 'one' });
  const end = { status: 'cancelled', reason: 'cancelled' } as const;
  await commitRunEnd(db, key, { runId: first.runId, end, partial: null, failSession: false });
  const { runId } = await send(db, key, { id: 'm1', content: 'one' });
  await beginModel(db, key, runId);
  const urgent = await send(db, key, { id: 'm2', content: 'two', whileRunning: 'interrupt' });
  return { key, stopped: runId, urgent: urgent.runId, over: first.runId };
}

describeStores(DATABASES, (db) => {
  const waysBack = {
    'is opened': (key: SessionKey) =>
      getOrCreateSession(db(), key, { agent: 'assistant', kind: 'session', execution: 'two' }),
    'gets a message': (key: SessionKey) =>
      commitAdmissions(
        db(),
        key,
        admission({ execution: 'two', messages: [{ id: 'm2', content: 'two', whileRunning: 'interrupt' }] }),
      ),
    'resumes a run': (key: SessionKey, over: string) => requeueRun(db(), key, { runId: over, execution: 'two' }),
  };

  test.each(Object.keys(waysBack) as (keyof typeof waysBack)[])(
    'a lost session that %s goes on with the run that interrupted, not with the one that was interrupted',
    async (way) => {
      const { key, stopped, urgent, over } = await interrupted(db());
      const before = (await readEvents(db(), key, { after: 0, limit: 100 })).next;
      const back = await waysBack[way](key, over);
      const resumed = way === 'resumes a run' ? [over] : [];
      expect(back.openRuns?.map(({ runId }) => runId)).toEqual([urgent, ...resumed]);
      expect(back.events).toMatchObject([
        { type: 'run.cancelled', runId: stopped, reason: 'interrupted' },
        { type: 'session.recovered', reason: 'workflow_lost' },
      ]);
      expect((await readEvents(db(), key, { after: before, limit: 100 })).events).toEqual(back.events);
    },
  );

  test('a workflow that has asked before stops the run itself', async () => {
    const { key, stopped, urgent } = await interrupted(db());
    const again = await getOrCreateSession(db(), key, { agent: 'assistant', kind: 'session', execution: 'one' });
    expect(again.openRuns?.map(({ runId }) => runId)).toEqual([stopped, urgent]);
    expect(again.events).toEqual([]);
  });
});
