import { expect, onTestFinished, test } from 'vitest';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { SessionLimit } from '../../../core/session/session-limit.ts';
import { expireOverLimit, listOverLimit } from '../../../store/admin/sweeps/enforce-limit.ts';
import { readSweep } from '../../../store/admin/sweeps/read-sweeps.ts';
import { beginSweep, recordAction } from '../../../store/admin/sweeps/sweeps.ts';
import type { Db } from '../../../store/db/db.ts';
import { commitSessionEnd } from '../../../store/sessions/commit-session-end.ts';
import { getOrCreateSession } from '../../../store/sessions/get-or-create-session.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { DATABASES, describeStores, openTestDatabase } from '../../support/store/databases.ts';
import { newKey, send } from '../conversation.ts';

const OPEN = { agent: 'assistant', kind: 'session', execution: null } as const;
const mayBe = (limit: number, evictIdleMs = 0): SessionLimit => ({ of: 'user', limit, evictIdleMs });

/** Opens sessions of a user; the first has been idle longest. */
async function open(
  db: Db,
  user: string,
  count: number,
): Promise<[SessionKey, SessionKey, SessionKey, ...SessionKey[]]> {
  const keys = Array.from({ length: count }, () => newKey(user));
  for (const key of keys) await getOrCreateSession(db, key, OPEN);
  return keys as [SessionKey, SessionKey, SessionKey, ...SessionKey[]];
}

async function sweepOf(db: Db, user: string | null, dryRun = false) {
  const sweep = { id: newKey().session, user, dryRun };
  await beginSweep(db, sweep);
  return sweep;
}

const near = (key: SessionKey) => ({ key, skipRecount: false });

async function listed(db: Db, ...asked: Parameters<typeof listOverLimit> extends [Db, ...infer Rest] ? Rest : never) {
  return (await listOverLimit(db, ...asked)).map(({ key }) => key);
}

describeStores(DATABASES, (db) => {
  test('over the limit of a user those idle longest are to go, as many as are too many, and never one that works', async () => {
    const user = newKey().session;
    const busy = newKey(user);
    await send(db(), busy, { id: 'm', content: 'x' });
    const [first, second, third] = await open(db(), user, 3);
    const sweep = await sweepOf(db(), user);
    expect(await listed(db(), sweep, mayBe(4), 10)).toEqual([]);
    expect(await listed(db(), sweep, mayBe(2), 10)).toEqual([first, second]);
    expect(await listed(db(), sweep, mayBe(1), 10)).toEqual([first, second, third]);
    expect(await listed(db(), sweep, mayBe(1), 1)).toEqual([first]);
    expect(await listed(db(), sweep, mayBe(1, 60_000), 10)).toEqual([]);
  });

  test('a session expires by a limit once, with the reason in its record, its event and the report', async () => {
    const user = newKey().session;
    const [first, second] = await open(db(), user, 3);
    const sweep = await sweepOf(db(), user);
    await recordAction(db(), sweep.id, first, { action: 'warned', reason: 'x' });
    const events = await expireOverLimit(db(), sweep.id, near(first), mayBe(2));
    const reason = 'session_limit: idle longest, and at most 2 sessions per user may be active (limits activePerUser)';
    expect(events).toMatchObject([{ type: 'session.expired', reason }]);
    expect(await expireOverLimit(db(), sweep.id, near(first), mayBe(2))).toBeNull();
    // The limit is no longer exceeded.
    expect(await expireOverLimit(db(), sweep.id, near(second), mayBe(2))).toBeNull();
    expect(await readSession(db(), first)).toMatchObject({ status: 'expired' });
    const report = await readSweep(db(), user, sweep.id);
    expect(report?.counts).toEqual({ expired: 1 });
    expect(report?.actions).toMatchObject([{ session: first.session, action: 'expired', reason }]);
  });

  test('a dry run counts as gone what the sweep would have removed, and a session that could not be cleaned is not tried for ever', async () => {
    const user = newKey().session;
    const [first, second, third] = await open(db(), user, 4);
    const sweep = await sweepOf(db(), user, true);
    await recordAction(db(), sweep.id, third, { action: 'deleted', reason: 'x' });
    expect(await listed(db(), sweep, mayBe(2), 10)).toEqual([first]);
    await recordAction(db(), sweep.id, first, { action: 'error', reason: 'x' });
    expect(await listed(db(), sweep, mayBe(2), 10)).toEqual([second]);
  });
});

test('two sweeps at once expire no more than is too many, also where users have ended sessions since they looked', async () => {
  const database = await openTestDatabase('postgres', 20);
  onTestFinished(async () => await database.close());
  const { db } = database;
  const keys = (await Promise.all(Array.from({ length: 10 }, (_, n) => open(db, `user-${n}`, 6)))).flat();
  const limit: SessionLimit = { of: 'all', limit: 25, evictIdleMs: 0 };
  const sweeps = [await sweepOf(db, null), await sweepOf(db, null)];
  const crowds = await Promise.all(sweeps.map(async (sweep) => await listOverLimit(db, sweep, limit, 100)));
  expect(crowds.map(({ length }) => length)).toEqual([35, 35]);
  const kept = keys.filter(({ session }) => !crowds[0]?.some(({ key }) => session === key.session));
  for (const key of kept.slice(0, 5)) await commitSessionEnd(db, key, { status: 'completed', reason: null });
  await Promise.all(sweeps.flatMap(({ id }, n) => (crowds[n] ?? []).map((one) => expireOverLimit(db, id, one, limit))));
  const statuses = await Promise.all(keys.map(async (key) => (await readSession(db, key))?.status));
  expect(statuses.filter((status) => status === 'active')).toHaveLength(25);
});

test('of a hundred thousand active sessions those that are too many are found, and expire, in good time', async () => {
  const database = await openTestDatabase('postgres', 5);
  onTestFinished(async () => await database.close());
  const { db } = database;
  // In pieces, because each session of a transaction takes a lock.
  for (let from = 0; from < 100_000; from += 2_000) {
    await db.query(
      `INSERT INTO perdure.sessions (user_id, session_id, kind, status, agent, metadata, state, policy, head, messages, runs,
         errors, last_ordinal, created_at, updated_at, last_active_at, opened_at)
       SELECT 'u' || n % 1000, 's' || n, 'session', 'active', 'assistant', '{}', '{}', '{}', 1, 4, 0, 0, 0, t, t, t, t
         FROM generate_series($1::integer, $2::integer) n, LATERAL (SELECT now() - make_interval(secs => n) AS t) at`,
      [from + 1, from + 2_000],
    );
  }
  const sweep = await sweepOf(db, null);
  for (const limit of [mayBe(99), { of: 'all', limit: 98_000, evictIdleMs: 0 } as const]) {
    const crowd = await listOverLimit(db, sweep, limit, 200);
    expect(crowd).toHaveLength(200);
    expect(crowd[0]?.skipRecount).toBe(limit.of === 'all');
    for (const one of crowd.slice(0, 20)) expect(await expireOverLimit(db, sweep.id, one, limit)).not.toBeNull();
  }
}, 60_000);
