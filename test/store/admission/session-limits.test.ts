import { expect, onTestFinished, test } from 'vitest';
import { commitAdmissions } from '../../../store/admission/commit-admissions.ts';
import type { Db, Tx } from '../../../store/db/db.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { getOrCreateSession } from '../../../store/sessions/get-or-create-session.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { DATABASES, describeStores, openTestDatabase } from '../../support/store/databases.ts';
import { admission, newKey, refused, send } from '../conversation.ts';

const limits = (activePerUser: number, evictIdleMs: number) => ({ activePerUser, active: null, evictIdleMs });
const OPEN = { agent: 'assistant', kind: 'session', execution: null } as const;

describeStores(DATABASES, (db) => {
  test('at the limit the session that was idle longest expires, and one with a run does not', async () => {
    const [busy, oldest, newer] = [newKey('lim-a'), newKey('lim-a'), newKey('lim-a')];
    await send(db(), busy, { id: 'm', content: 'x' });
    for (const key of [oldest, newer]) await getOrCreateSession(db(), key, OPEN);
    await send(db(), newKey('lim-a'), { id: 'm', content: 'x' }, { limits: limits(3, 0) });
    const statuses = await Promise.all(
      [busy, oldest, newer].map(async (key) => (await readSession(db(), key))?.status),
    );
    expect(statuses).toEqual(['active', 'expired', 'active']);
  });

  test('where none is idle long enough a new session is refused, one that is there goes on, and nothing is left', async () => {
    const first = newKey('lim-b');
    const { runId } = await send(db(), first, { id: 'm', content: 'x' });
    await commitRunEnd(db(), first, {
      runId,
      end: { status: 'cancelled', reason: 'x' },
      partial: null,
      failSession: false,
    });
    const second = newKey('lim-b');
    const tight = { limits: limits(1, 60_000) };
    const refusal = await refused(db(), second, { id: 'm', content: 'x' }, tight);
    expect(refusal).toMatchObject({ code: 'session_limit', detail: expect.stringContaining('End or delete one') });
    await expect(getOrCreateSession(db(), second, { ...OPEN, ...tight })).rejects.toMatchObject({
      code: 'session_limit',
    });
    expect(await readSession(db(), second)).toBeNull();
    await send(db(), first, { id: 'm2', content: 'x' }, tight);
  });

  test('of many sessions made at once only as many become active as may', async () => {
    const user = `lim-c-${newKey().session}`;
    const tried = await Promise.all(
      Array.from({ length: 30 }, () => commitAdmissions(db(), newKey(user), admission({ limits: limits(5, 60_000) }))),
    );
    expect(tried.filter(({ created }) => created)).toHaveLength(5);
    expect(tried.flatMap(({ results }) => results.flatMap((one) => (one.ok ? [] : [one.code])))).toHaveLength(25);
  });
});

test('what was expired to make room is reported, also when another transaction created the session meanwhile', async () => {
  const db = await ownServer();
  for (const open of [
    (racing: Db, key: ReturnType<typeof newKey>) => commitAdmissions(racing, key, admission({ limits: limits(1, 0) })),
    (racing: Db, key: ReturnType<typeof newKey>) => getOrCreateSession(racing, key, { ...OPEN, limits: limits(1, 0) }),
  ]) {
    const user = `lim-r-${newKey().session}`;
    const [idle, key] = [newKey(user), newKey(user)];
    await getOrCreateSession(db, idle, OPEN);
    const racing: Db = {
      ...db,
      transaction: (work) =>
        db.transaction((tx) =>
          work({
            query: async (sql, params) => {
              // Another transaction is faster, once.
              if (/^INSERT INTO perdure.sessions/.test(sql)) await getOrCreateSession(db, key, OPEN);
              return tx.query(sql, params);
            },
          }),
        ),
    };
    const { evicted } = await open(racing, key);
    expect(evicted.map((one) => one.key)).toEqual([idle]);
    expect((await readSession(db, idle))?.status).toBe('expired');
  }
});

/** A store of its own, because the sessions of all users are counted. Its connections are open. */
async function ownServer() {
  const database = await openTestDatabase('postgres', 20);
  onTestFinished(async () => await database.close());
  await Promise.all(Array.from({ length: 20 }, () => database.db.query('SELECT pg_sleep(0.05)', [])));
  return database.db;
}

const inAll = (active: number, evictIdleMs: number) => ({ limits: { activePerUser: 1_000, active, evictIdleMs } });

test('of sessions that many users make at once only as many become active as may in all', async () => {
  const db = await ownServer();
  const tried = await Promise.all(
    Array.from({ length: 40 }, (_, n) => commitAdmissions(db, newKey(`user-${n}`), admission(inAll(5, 60_000)))),
  );
  expect(tried.filter(({ created }) => created)).toHaveLength(5);
  const refusals = tried.flatMap(({ results }) => results.flatMap((one) => (one.ok ? [] : [one])));
  expect(refusals).toHaveLength(35);
  expect(refusals[0]).toMatchObject({
    code: 'session_limit',
    detail: expect.stringContaining('limit of 5 active sessions in this deployment'),
  });
});

test('where those of others are idle, sessions made at once each take the place of one of them, and never of one that works', async () => {
  const db = await ownServer();
  const idle = Array.from({ length: 6 }, (_, n) => newKey(`idle-${n}`));
  for (const key of idle) await getOrCreateSession(db, key, OPEN);
  const busy = newKey('busy');
  await send(db, busy, { id: 'm', content: 'x' });
  const made = await Promise.all(
    Array.from({ length: 4 }, (_, n) => getOrCreateSession(db, newKey(`new-${n}`), { ...OPEN, ...inAll(7, 0) })),
  );
  expect(made.every(({ created }) => created)).toBe(true);
  const records = await Promise.all([...idle, busy].map(async (key) => await readSession(db, key)));
  // The new session is idle too, but for a shorter time.
  expect(records.map((record) => record?.status)).toEqual([
    ...Array.from({ length: 4 }, () => 'expired'),
    ...Array.from({ length: 3 }, () => 'active'),
  ]);
  expect(records[0]?.endReason).toContain('session_limit');
});

test('sessions whose makers all counted before any of them was there are held to the limit too', async () => {
  const database = await openTestDatabase('postgres', 20);
  onTestFinished(async () => await database.close());
  let toCome = 6;
  const { promise: allCounted, resolve } = Promise.withResolvers<void>();
  const meeting = (tx: Tx): Tx => {
    let met = false;
    return {
      async query<R extends object>(sql: string, params?: readonly unknown[]): Promise<R[]> {
        const rows = await tx.query<R>(sql, params);
        if (met || !sql.includes('count(*)')) return rows;
        met = true;
        toCome -= 1;
        if (toCome === 0) resolve();
        await allCounted;
        return rows;
      },
    };
  };
  const db: Db = { ...database.db, transaction: (work) => database.db.transaction(async (tx) => work(meeting(tx))) };
  const user = newKey().session;
  const tried = await Promise.all(
    Array.from({ length: 6 }, () => commitAdmissions(db, newKey(user), admission({ limits: limits(3, 60_000) }))),
  );
  expect(tried.filter(({ created }) => created)).toHaveLength(3);
});
