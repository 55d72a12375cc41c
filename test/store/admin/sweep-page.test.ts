import { expect, test } from 'vitest';
import { listCandidates, type Decide } from '../../../store/admin/sweeps/list-candidates.ts';
import { getOrCreateSession } from '../../../store/sessions/get-or-create-session.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { newKey } from '../conversation.ts';

const all: Decide = () => ({ action: 'deleted', reason: 'x' });

describeStores(DATABASES, (db) => {
  test('a page that is begun again has the sessions that are left of it, and none that came since or belong to the next', async () => {
    const user = newKey().session;
    const open = async (session: string) =>
      await getOrCreateSession(db(), { user, session }, { agent: 'assistant', kind: 'session', execution: null });
    const list = async (after: readonly [string, string] | null, cut: Parameters<typeof listCandidates>[2] = null) =>
      await listCandidates(db(), { user, after, limit: 2 }, cut, all);
    const nobody = await list(null);
    expect(nobody).toMatchObject({ seen: 0, bounds: { after: null, last: null, more: false } });
    for (const session of ['a', 'b', 'c']) await open(session);
    expect(await list(null, nobody.bounds)).toMatchObject({ candidates: [], seen: 0 });
    const first = await list(null);
    expect(first.bounds).toEqual({ after: null, last: [user, 'b'], more: true });
    await db().query(`DELETE FROM perdure.sessions WHERE user_id = $1 AND session_id = 'a'`, [user]);
    const again = await list(null, first.bounds);
    expect(again.candidates.map(({ key }) => key.session)).toEqual(['b']);
    expect(again.bounds).toEqual(first.bounds);
    expect((await list([user, 'b'])).bounds).toEqual({ after: [user, 'b'], last: [user, 'c'], more: false });
  });
});
