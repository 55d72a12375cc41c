import { expect, test } from 'vitest';
import { commitAdmissions } from '../../../store/admission/commit-admissions.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import type { Db } from '../../../store/db/db.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { commitSessionEnd } from '../../../store/sessions/commit-session-end.ts';
import { getOrCreateSession } from '../../../store/sessions/get-or-create-session.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { requeueRun } from '../../../store/sessions/requeue-run.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { admission, newKey, refused, send } from '../conversation.ts';

const OPEN = { agent: 'assistant', kind: 'session', execution: null } as const;
/** One active session per user, which is evicted after this idle time. */
const one = (evictIdleMs: number) => ({ activePerUser: 1, active: null, evictIdleMs });
const MESSAGE = { id: 'first', content: 'x' };

/** Returns an archived session with a cancelled run, and an active session of the same user. */
async function archivedAndActive(db: Db): Promise<{ away: SessionKey; here: SessionKey; runId: string }> {
  const away = newKey(newKey().session);
  const { runId } = await send(db, away, MESSAGE);
  await commitRunEnd(db, away, { runId, end: { status: 'cancelled', reason: 'x' }, partial: null, failSession: false });
  await archiveSession(db, away);
  const here = newKey(away.user);
  await getOrCreateSession(db, here, OPEN);
  return { away, here, runId };
}

const statusOf = async (db: Db, key: SessionKey) => (await readSession(db, key))?.status;

describeStores(DATABASES, (db) => {
  test('a message does not restore an archived session where no more may be active, and nothing of it is touched', async () => {
    const { away, here } = await archivedAndActive(db());
    const before = await exportOf(db(), away);
    for (const message of [{ id: 'second', content: 'y' }, MESSAGE]) {
      const refusal = await refused(db(), away, message, { limits: one(60_000) });
      expect(refusal).toMatchObject({ code: 'session_limit', detail: expect.stringContaining('End or delete one') });
    }
    expect([await statusOf(db(), away), await statusOf(db(), here)]).toEqual(['archived', 'active']);
    expect({ ...(await exportOf(db(), away)), exportedAt: '' }).toEqual({ ...before, exportedAt: '' });
    await commitSessionEnd(db(), here, { status: 'completed', reason: null });
    expect(await send(db(), away, MESSAGE, { limits: one(60_000) })).toMatchObject({ duplicate: true });
    expect(await statusOf(db(), away)).toBe('active');
  });

  test('a message that restores an archived session makes room for it where another is idle', async () => {
    const { away, here } = await archivedAndActive(db());
    await send(db(), away, { id: 'second', content: 'y' }, { limits: one(0) });
    expect([await statusOf(db(), away), await statusOf(db(), here)]).toEqual(['active', 'expired']);
  });

  test('a run whose session would have to come back is resumed only where there is room', async () => {
    const { away, here, runId } = await archivedAndActive(db());
    const resume = async (evictIdleMs: number) =>
      await requeueRun(db(), away, { runId, execution: null, limits: one(evictIdleMs) });
    await expect(resume(60_000)).rejects.toMatchObject({ code: 'session_limit' });
    expect([await statusOf(db(), away), await statusOf(db(), here)]).toEqual(['archived', 'active']);
    expect((await resume(0)).evicted).toMatchObject([{ key: here, events: [{ type: 'session.expired' }] }]);
    expect([await statusOf(db(), away), await statusOf(db(), here)]).toEqual(['active', 'expired']);
  });

  test('a document is imported only where there is room, unless its session is not active', async () => {
    const { away, here } = await archivedAndActive(db());
    const document = await exportOf(db(), here);
    const there = newKey(away.user);
    await expect(importDocument(db(), there, document, one(60_000))).rejects.toMatchObject({ code: 'session_limit' });
    expect(await readSession(db(), there)).toBeNull();
    const ended = { ...document, session: { ...document.session, status: 'completed' as const } };
    await importDocument(db(), newKey(away.user), ended, one(60_000));
    expect((await importDocument(db(), there, document, one(0))).evicted).toMatchObject([{ key: here }]);
    expect([await statusOf(db(), there), await statusOf(db(), here)]).toEqual(['active', 'expired']);
  });

  test('a message that was admitted before keeps its receipt when the others of its batch find no room', async () => {
    const { away: expired } = await archivedAndActive(db());
    const key = newKey(expired.user);
    const { receipt, runId } = await send(db(), key, { id: 'known', content: 'x' });
    await commitRunEnd(db(), key, {
      runId,
      end: { status: 'cancelled', reason: 'x' },
      partial: null,
      failSession: false,
    });
    await commitSessionEnd(db(), key, { status: 'failed', reason: null });
    const { results } = await commitAdmissions(db(), key, {
      ...admission({ limits: one(60_000) }),
      messages: [
        { id: 'new', content: 'y' },
        { id: 'known', content: 'x' },
      ],
    });
    expect(results).toMatchObject([
      { ok: false, code: 'session_limit' },
      { ok: true, duplicate: true, receipt },
    ]);
  });
});
