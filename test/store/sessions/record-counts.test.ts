import { expect, test } from 'vitest';
import { LIMITS } from '../../../contracts/limits.ts';
import { sessionLimits } from '../../../contracts/session/session-limits.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { readSessionStats } from '../../../store/read/statistics/read-session-stats.ts';
import { readStats } from '../../../store/read/statistics/read-stats.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { recordCounts } from '../../../store/sessions/record-counts.ts';
import { restoreSession } from '../../../store/sessions/restore-session.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { converse, newKey } from '../conversation.ts';

const ALL = { from: null, to: null };
const PAGE = { ...ALL, limit: 10 };
const ONE = { key: 'a', requests: 3, errors: 1, processingTimeMs: 360, counters: { pages: 12 } };
const SUMS = { requests: 3, errors: 1, errorRate: 1 / 3, processingTimeMs: 360, meanMs: 120, counters: { pages: 12 } };

let users = 0;

/** 30 counters, by number. */
const counters = (from: number) =>
  Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`c${from + n}`, 1] as const));

describeStores(DATABASES, (db) => {
  async function talked() {
    const key = newKey(`counting-${(users += 1)}`);
    await converse(db(), key, 'm1');
    return key;
  }
  const recordedOf = async (key: Awaited<ReturnType<typeof talked>>) => (await readSession(db(), key))?.recorded;

  test('a record is added once per key, and another one under the key is refused', async () => {
    const key = await talked();
    expect(await recordCounts(db(), key, ONE)).toEqual({ recorded: true, counts: SUMS });
    expect(await recordCounts(db(), key, { ...ONE, counters: { pages: 12 } })).toEqual({
      recorded: false,
      counts: SUMS,
    });
    const other = recordCounts(db(), key, { ...ONE, requests: 4 });
    await expect(other).rejects.toMatchObject({
      code: 'idempotency_conflict',
      message: expect.stringContaining('"a"'),
    });
    const more = { key: 'b', requests: 1, counters: { pages: 1, words: 2.5, constructor: 7 } };
    const { counts } = await recordCounts(db(), key, more);
    expect(counts).toMatchObject({ requests: 4, errors: 1, counters: { pages: 13, words: 2.5, constructor: 7 } });
    expect(await recordedOf(key)).toEqual(counts);
  });

  test('of records that are sent at the same time each is added once', async () => {
    const key = await talked();
    const sent = Array.from({ length: 12 }, (_, n) => recordCounts(db(), key, { key: `k${n % 4}`, requests: 1 }));
    const recorded = (await Promise.all(sent)).filter((one) => one.recorded);
    expect(recorded).toHaveLength(4);
    expect(await recordedOf(key)).toMatchObject({ requests: 4 });
  });

  test('statistics have the sums beside those of the runs, which stay the same', async () => {
    const key = await talked();
    const { user, session } = key;
    const before = await readStats(db(), user, 'agent', ALL);
    expect(before.total).not.toHaveProperty('recorded');
    expect((await readSessionStats(db(), user, PAGE)).data[0]).not.toHaveProperty('recorded');
    await recordCounts(db(), key, ONE);
    const second = await talked();
    await recordCounts(db(), { user, session }, { key: 'b', requests: 1 });
    await recordCounts(db(), second, ONE);
    const both = { ...SUMS, requests: 4, errorRate: 0.25, meanMs: 90 };
    for (const by of ['user', 'agent', 'day'] as const) {
      const { data, total } = await readStats(db(), user, by, ALL);
      expect(data.map(({ recorded }) => recorded)).toEqual([both]);
      expect(total).toEqual({ ...before.total, recorded: both });
    }
    expect((await readSessionStats(db(), user, PAGE)).data).toMatchObject([
      { key: session, requests: 1, recorded: both },
    ]);
    const past = { from: '2020-01-01', to: '2020-01-02' };
    expect((await readStats(db(), user, 'day', past)).total).not.toHaveProperty('recorded');
    expect((await readSessionStats(db(), user, { ...PAGE, ...past })).data[0]).not.toHaveProperty('recorded');
  });

  test('records are exported and imported with their session, and its sums are counted from them', async () => {
    const key = await talked();
    await recordCounts(db(), key, ONE);
    const document = await exportOf(db(), key);
    expect(document.tables['recorded_counts']).toMatchObject([
      { record_key: 'a', requests: 3, counters: { pages: 12 } },
    ]);
    Object.assign(document.session, { recorded: { records: 1, requests: 999 } });
    const there = newKey(`counting-${(users += 1)}`);
    await importDocument(db(), there, document);
    expect(await recordedOf(there)).toEqual(SUMS);
    expect(await recordCounts(db(), there, ONE)).toMatchObject({ recorded: false });
    expect((await readStats(db(), there.user, 'user', ALL)).total).not.toHaveProperty('recorded');
    document.tables['recorded_counts']?.push({ ...document.tables['recorded_counts'][0] });
    const twice = importDocument(db(), newKey(there.user), document);
    await expect(twice).rejects.toMatchObject({ message: expect.stringContaining('recorded_counts twice') });
  });

  test('records are archived with their session, which takes no others meanwhile, and come back with it', async () => {
    const key = await talked();
    await recordCounts(db(), key, ONE);
    await archiveSession(db(), key);
    expect(await db().query(`SELECT 1 FROM perdure.recorded_counts WHERE user_id = $1`, [key.user])).toEqual([]);
    await expect(recordCounts(db(), key, { key: 'b', requests: 1 })).rejects.toMatchObject({
      code: 'session_archived',
    });
    await restoreSession(db(), key, sessionLimits());
    expect(await recordedOf(key)).toEqual(SUMS);
    expect(await recordCounts(db(), key, ONE)).toMatchObject({ recorded: false });
  });

  test('a deleted session leaves no record, and the sums of the day remain', async () => {
    const key = await talked();
    await recordCounts(db(), key, ONE);
    await deleteSession(db(), key);
    expect(await db().query(`SELECT 1 FROM perdure.recorded_counts WHERE user_id = $1`, [key.user])).toEqual([]);
    expect((await readStats(db(), key.user, 'user', ALL)).total.recorded).toEqual(SUMS);
    await expect(recordCounts(db(), key, ONE)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('records that an older version has left of a deleted session are not those of the next one', async () => {
    const key = await talked();
    await recordCounts(db(), key, ONE);
    await db().query(`UPDATE perdure.sessions SET recorded = NULL WHERE user_id = $1`, [key.user]);
    expect(await recordCounts(db(), key, { ...ONE, requests: 1 })).toMatchObject({
      recorded: true,
      counts: { requests: 1 },
    });
  });

  test('the number of records and of counters of a session is limited', async () => {
    const key = await talked();
    for (const from of [0, 30, 60]) await recordCounts(db(), key, { key: `k${from}`, counters: counters(from) });
    const over = recordCounts(db(), key, { key: 'over', counters: counters(90) });
    await expect(over).rejects.toMatchObject({ code: 'too_large', message: expect.stringContaining('120 counters') });
    await db().query(
      `UPDATE perdure.sessions SET recorded = json_build_object('records', $2::int, 'requests', 0, 'errors', 0,
              'processingMs', 0, 'counters', '{}'::json) WHERE user_id = $1`,
      [key.user, LIMITS.recordsPerSession.value],
    );
    await expect(recordCounts(db(), key, ONE)).rejects.toMatchObject({ code: 'too_large' });
  });
});
