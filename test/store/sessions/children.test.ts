import { expect, test } from 'vitest';
import { LIMITS } from '../../../contracts/limits.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { recordChild, recordEndedChildren } from '../../../store/sessions/children.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { getOrCreateSession } from '../../../store/sessions/get-or-create-session.ts';
import { readSnapshot } from '../../../store/read/read-snapshot.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { exportOf } from '../../support/store/session-documents.ts';
import { newKey } from '../conversation.ts';

const child = (workflowId: string) => ({
  workflowId,
  type: 'report',
  taskQueue: 'reports',
  runId: 'r1',
  tool: 'write',
});

describeStores(DATABASES, (db) => {
  const opened = async (key = newKey()): Promise<SessionKey> => {
    await getOrCreateSession(db(), key, { agent: 'assistant', kind: 'session', execution: null });
    return key;
  };
  const noted = async (key: SessionKey) =>
    (await readSnapshot(db(), key, () => ({ idleTimeoutMs: 1, maxAgeMs: 1 })))?.recordedChildren;
  const age = (workflowId: string) =>
    db().query(`UPDATE perdure.children SET noted_at = noted_at - interval '61 minutes' WHERE workflow_id = $1`, [
      workflowId,
    ]);

  test('a child is shown, once however often it is noted, until it is over', async () => {
    const key = await opened();
    await recordChild(db(), key, child('a'));
    await recordChild(db(), key, child('b'));
    await recordChild(db(), key, child('a'));
    expect(await noted(key)).toEqual([child('a'), child('b')]);
    await recordEndedChildren(db(), key, { over: ['a', 'x'], absent: ['b'] });
    expect(await noted(key)).toEqual([child('b')]);
  });

  test('one that Temporal does not know is waited for, for an hour', async () => {
    const key = await opened();
    const [early, late] = [newKey().session, newKey().session];
    for (const id of [early, late]) await recordChild(db(), key, child(id));
    await age(early);
    await recordEndedChildren(db(), key, { over: [], absent: [early, late] });
    expect(await noted(key)).toEqual([child(late)]);
    await recordChild(db(), key, child(early));
    await recordEndedChildren(db(), key, { over: [], absent: [early] });
    expect(await noted(key)).toEqual([child(early), child(late)]);
  });

  test('a session has no more than its limit, also when they are noted at once', async () => {
    const key = await opened();
    const limit = LIMITS.childWorkflows.value;
    const answers = await Promise.all(
      Array.from({ length: limit + 5 }, (_, n) => recordChild(db(), key, child(`c${n}`))),
    );
    expect(answers.filter((answer) => answer.recorded)).toHaveLength(limit);
    const full = await recordChild(db(), key, child('one-more'));
    expect(full).toMatchObject({ recorded: false });
    expect(full.open).toHaveLength(limit);
    // Recording an existing child again does not count towards the limit.
    expect(await recordChild(db(), key, child(full.open[0] ?? ''))).toMatchObject({ recorded: true });
    await recordEndedChildren(db(), key, { over: full.open.slice(0, 1), absent: [] });
    expect(await recordChild(db(), key, child('one-more'))).toMatchObject({ recorded: true });
  });

  test("children are the session's own, are kept by an archive and left out of an export, and go with the session", async () => {
    const id = newKey().session;
    const [ann, bob] = [await opened({ user: 'ann', session: id }), await opened({ user: 'bob', session: id })];
    await recordChild(db(), ann, child('mine'));
    expect(await noted(bob)).toEqual([]);
    await recordEndedChildren(db(), bob, { over: ['mine'], absent: [] });
    expect(await noted(ann)).toEqual([child('mine')]);
    expect(JSON.stringify(await exportOf(db(), ann))).not.toContain('mine');
    await archiveSession(db(), ann);
    expect(await noted(ann)).toEqual([child('mine')]);
    await deleteSession(db(), ann);
    await opened(ann);
    expect(await noted(ann)).toEqual([]);
    await expect(recordChild(db(), newKey(), child('of nobody'))).rejects.toMatchObject({ code: 'not_found' });
  });
});
