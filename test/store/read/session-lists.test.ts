import { expect, test } from 'vitest';
import { BIG_USER, generateSessions } from '../../../bench/generated-sessions.ts';
import { listAllSessions } from '../../../store/admin/reports/list-all-sessions.ts';
import type { Db } from '../../../store/db/db.ts';
import { listSessions, type SessionListQuery } from '../../../store/read/lists/list-sessions.ts';
import { getOrCreateSession } from '../../../store/sessions/get-or-create-session.ts';
import { describeStores } from '../../support/store/databases.ts';
import { explaining } from '../../support/store/explaining.ts';
import { newKey } from '../conversation.ts';

const COUNT = 20_000;

/** Returns the ids on all pages of the big user's list. */
async function allOf(db: Db, filter: Omit<SessionListQuery, 'limit'>): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await listSessions(db, BIG_USER, { ...filter, limit: 200, ...(cursor ? { cursor } : {}) });
    ids.push(...page.data.map(({ id }) => id));
    cursor = page.nextCursor;
  }
  return ids;
}

const idsOf = ({ data }: { data: { id: string }[] }): string[] => data.map(({ id }) => id).toSorted();

describeStores(['pglite', 'postgres'], (db) => {
  test('sessions are found by the beginning of their id, of one user and of all', async () => {
    const user = newKey().session;
    for (const session of ['support-1', 'support-2', 'sup%ort', 'other']) {
      const opened = { agent: 'assistant', kind: 'session', execution: null } as const;
      await getOrCreateSession(db(), { user, session }, opened);
    }
    const found = async (idPrefix: string) => idsOf(await listSessions(db(), user, { idPrefix, limit: 10 }));
    expect(await found('support')).toEqual(['support-1', 'support-2']);
    expect(await found('sup%')).toEqual(['sup%ort']);
    expect(await found('port')).toEqual([]);
    expect(idsOf(await listAllSessions(db(), { user, idPrefix: 'o', limit: 10 }))).toEqual(['other']);
  });

  test('metadata is found by its text, whatever its type, and by nothing that is merely near', async () => {
    const user = newKey().session;
    const big = '12345678901234567890';
    const values = { number: 5, text: '5', decimal: 5.5, yes: true, object: { a: 1, b: 2 }, quote: 'say "hi"' };
    for (const [name, value] of Object.entries(values)) {
      const metadata = { value, 'a.b "c"': name };
      await getOrCreateSession(
        db(),
        { user, session: name },
        { agent: 'assistant', kind: 'session', execution: null, metadata },
      );
    }
    const of = { user, session: 'huge' };
    await getOrCreateSession(db(), of, {
      agent: 'assistant',
      kind: 'session',
      execution: null,
      metadata: { value: big },
    });
    await db().query(`UPDATE perdure.sessions SET metadata = $2 WHERE user_id = $1 AND session_id = 'huge'`, [
      user,
      `{"value": ${big}}`,
    ]);
    const found = async (metadata: Record<string, string>) =>
      (await listSessions(db(), user, { metadata, limit: 10 })).data.map(({ id }) => id).toSorted();
    expect(await found({ value: '5' })).toEqual(['number', 'text']);
    expect(await found({ value: '5.0' })).toEqual([]);
    expect(await found({ value: '5.5' })).toEqual(['decimal']);
    expect(await found({ value: 'true' })).toEqual(['yes']);
    expect(await found({ value: '{"a": 1, "b": 2}' })).toEqual(['object']);
    expect(await found({ value: '{"a": 1}' })).toEqual([]);
    expect(await found({ value: 'say "hi"' })).toEqual(['quote']);
    expect(await found({ value: big })).toEqual(['huge']);
    expect(await found({ 'a.b "c"': 'yes', value: 'true' })).toEqual(['yes']);
  });
});

describeStores(['postgres'], (db) => {
  test('no filter of a list reads the whole table, for one user and for all', async () => {
    await generateSessions(db(), COUNT);
    const filters: Omit<SessionListQuery, 'limit'>[] = [
      {},
      { status: 'active' },
      { status: 'failed' },
      { status: 'archived' },
      { agent: 'tutor' },
      { agent: 'nobody' },
      { metadata: { plan: 'pro' } },
      { metadata: { ticket: 'none' } },
      { minErrorRate: 0.5 },
      { minErrorRate: 1 },
    ];
    for (const filter of filters) {
      const store = explaining(db());
      await listSessions(store, BIG_USER, { ...filter, limit: 50 });
      await listAllSessions(store, { ...filter, limit: 50 });
      expect(store.plans).toHaveLength(2);
      for (const plan of store.plans)
        expect({ filter, plan }).toMatchObject({ plan: expect.not.stringContaining('Seq Scan') });
    }
  }, 60_000);

  test('pages by cursor meet every session once, whatever the filter', async () => {
    const failed = await allOf(db(), { status: 'failed' });
    expect(failed).toHaveLength(COUNT / 100);
    expect(new Set(failed).size).toBe(failed.length);
    expect(await allOf(db(), { metadata: { plan: 'pro' }, status: 'failed' })).toEqual(
      failed.filter((id) => Number(id.slice('session-'.length)) % 3 === 0),
    );
  }, 60_000);
});
