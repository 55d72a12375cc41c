import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PerdureError } from '../../../contracts/errors.ts';
import type { SessionExport } from '../../../contracts/session/session-export.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { deleteAbandonedRows } from '../../../store/admin/sweeps/delete-abandoned-rows.ts';
import { countOpen } from '../../../store/admin/reports/count-open.ts';
import type { Db } from '../../../store/db/db.ts';
import { findRun } from '../../../store/read/find-run.ts';
import { listUserRuns } from '../../../store/read/lists/list-user-runs.ts';
import { readHead } from '../../../store/read/read-head.ts';
import { readMessage } from '../../../store/read/read-message.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { readUsage } from '../../../store/read/statistics/read-usage.ts';
import { documents } from '../../../store/documents/document-process.ts';
import { createFromExport } from '../../../store/sessions/create-from-export.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { removeSession } from '../../../store/sessions/remove-session.ts';
import { restoreSession } from '../../../store/sessions/restore-session.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { converse, newKey, send } from '../conversation.ts';

const LIMITS = { activePerUser: 1_000_000, active: null, evictIdleMs: 60_000 };
const SPAN = { by: 'session', from: '2000-01-01', to: '2999-12-31' } as const;
const RUNS = { order: 'newest', limit: 100 } as const;

/** A store that calls `between` after each of its transactions, while none is open. */
function watched(db: Db, between: () => Promise<void>): Db {
  return {
    ...db,
    transaction: async (work) => {
      const result = await db.transaction(work);
      await between();
      return result;
    },
  };
}

/** A store that fails for good at its `n`th transaction, as for a process that dies. */
function dying(db: Db, n: number): Db {
  let left = n;
  return {
    ...db,
    transaction: async (work) => {
      left -= 1;
      if (left < 0) throw new Error('The process died.');
      return await db.transaction(work);
    },
  };
}

/** How often another request is served while `work` is in progress. */
async function turnsDuring(db: Db, work: () => Promise<unknown>): Promise<number> {
  const working = work().then(() => 'done');
  for (let turns = 0; ; turns += 1) {
    // The embedded store executes the statements of all in the order of their requests. A server executes them side by side.
    if (db.kind === 'pglite') await readHead(db, newKey());
    if ((await Promise.race([working, setImmediate('turn')])) === 'done') return turns;
  }
}

const claims = async (db: Db, { session }: SessionKey) =>
  await db.query(`SELECT 1 FROM perdure.row_claims WHERE session_id = $1`, [session]);

const rowsOf = async (db: Db, { session }: SessionKey) =>
  await db.query(
    `SELECT (SELECT count(*)::int FROM perdure.events WHERE session_id = $1) AS events,
            (SELECT count(*)::int FROM perdure.messages WHERE session_id = $1) AS messages,
            (SELECT count(*)::int FROM perdure.runs WHERE session_id = $1) AS runs,
            (SELECT count(*)::int FROM perdure.model_calls WHERE session_id = $1) AS calls`,
    [session],
  );
const NO_ROWS = [{ events: 0, messages: 0, runs: 0, calls: 0 }];

/** The claim's holder has died some time ago. */
const abandon = async (db: Db, { session }: SessionKey) =>
  await db.query(`UPDATE perdure.row_claims SET renewed_at = renewed_at - interval '1 hour' WHERE session_id = $1`, [
    session,
  ]);

describeStores(DATABASES, (db) => {
  /** The export of a session with one answered message and so many events that it takes several transactions. */
  async function largeDocument(): Promise<SessionExport> {
    const key = newKey();
    await converse(db(), key, 'm1', 'hello');
    const document = await exportOf(db(), key);
    const events = document.tables['events'] ?? [];
    const refusal = { messageId: null, code: 'too_large', detail: 'x'.repeat(500) };
    for (let seq = events.length + 1; seq <= 1_000; seq += 1) {
      const at = events[0]?.['at'] ?? null;
      events.push({ ...events[0], seq, type: 'message.refused', run_id: null, dedupe: null, at, data: refusal });
    }
    document.session.head = events.length;
    return document;
  }

  async function imported(document: SessionExport): Promise<SessionKey> {
    const key = newKey();
    await importDocument(db(), key, document);
    return key;
  }

  /** What reads show of a session. */
  async function seen(key: SessionKey) {
    const { data: runs } = await listUserRuns(db(), key.user, RUNS);
    const usage = await readUsage(db(), key.user, SPAN);
    return {
      head: await readHead(db(), key),
      status: (await readSession(db(), key))?.status ?? null,
      message: (await readMessage(db(), key, 'm1')) !== null,
      runs: runs.filter(({ sessionId }) => sessionId === key.session).length,
      calls: usage.data.filter((line) => line.key === key.session).length,
    };
  }

  /** The different results of {@link seen} between the transactions of `work`, in order. */
  async function seenDuring(key: SessionKey, work: (watchedDb: Db) => Promise<unknown>) {
    const results: string[] = [];
    let transactions = 0;
    const note = async (): Promise<void> => {
      transactions += 1;
      const now = JSON.stringify(await seen(key));
      if (results.at(-1) !== now) results.push(now);
    };
    await work(watched(db(), note));
    return { transactions, results: results.map((result) => JSON.parse(result) as unknown) };
  }

  const ABSENT = { head: null, status: null, message: false, runs: 0, calls: 0 };

  test('an import takes several transactions, and nothing of the session is read before the last one', async () => {
    const document = await largeDocument();
    const key = newKey();
    const { transactions, results } = await seenDuring(
      key,
      async (store) => await importDocument(store, key, document),
    );
    expect(transactions).toBeGreaterThan(5);
    expect(results).toEqual([ABSENT, { head: 1_001, status: 'active', message: true, runs: 1, calls: 1 }]);
    expect(await claims(db(), key)).toEqual([]);
  });

  test('a restoration takes several transactions, and the session is archived until the last one', async () => {
    const key = await imported(await largeDocument());
    const before = (await exportOf(db(), key)).tables;
    await archiveSession(db(), key);
    const { transactions, results } = await seenDuring(key, async (store) => await restoreSession(store, key, LIMITS));
    expect(transactions).toBeGreaterThan(5);
    expect(results).toEqual([
      { head: 1_002, status: 'archived', message: false, runs: 0, calls: 0 },
      { head: 1_003, status: 'active', message: true, runs: 1, calls: 1 },
    ]);
    const { events = [], ...rest } = (await exportOf(db(), key)).tables;
    expect({ ...rest, events: events.slice(0, 1_001) }).toEqual(before);
    expect(await claims(db(), key)).toEqual([]);
  });

  test('a large session disappears with the first transaction of its deletion, its rows with the following ones', async () => {
    const key = await imported(await largeDocument());
    const { transactions, results } = await seenDuring(key, async (store) => await deleteSession(store, key));
    expect(transactions).toBeGreaterThan(5);
    expect(results).toEqual([ABSENT]);
    expect(await rowsOf(db(), key)).toEqual(NO_ROWS);
    expect(await claims(db(), key)).toEqual([]);
  });

  test.each(['archive', 'removal'])('a session is read before the transaction of its %s begins', async (how) => {
    const key = await imported(await largeDocument());
    let pages = 0;
    const store: Db = {
      ...db(),
      query: async (sql, params) => {
        if (sql.includes('string_agg')) pages += 1;
        return await db().query(sql, params);
      },
      transaction: async (work) =>
        await db().transaction(
          async (tx) =>
            await work({
              query: async (sql, params) => {
                expect(sql).not.toContain('string_agg');
                return await tx.query(sql, params);
              },
            }),
        ),
    };
    if (how === 'archive') await archiveSession(store, key);
    else await removeSession(store, key, { archives: () => true });
    expect(pages).toBeGreaterThan(5);
    expect((await readSession(db(), key))?.status).toBe('archived');
  });

  test('others have their turn in the thread between the pieces of an import and a deletion', async () => {
    const document = await largeDocument();
    const key = newKey();
    const bytes = new TextEncoder().encode(JSON.stringify(document));
    const prepared = await documents.prepareImport({ bytes, ...key });
    expect(await turnsDuring(db(), () => createFromExport(db(), key, prepared))).toBeGreaterThan(4);
    expect(await turnsDuring(db(), () => deleteSession(db(), key))).toBeGreaterThan(4);
  });

  test('an import that fails on its way leaves nothing, and can be repeated', async () => {
    const document = await largeDocument();
    const key = newKey();
    let inserts = 0;
    const failing: Db = {
      ...db(),
      transaction: async (work) =>
        await db().transaction(
          async (tx) =>
            await work({
              query: async (sql, params) => {
                const isInsert = sql.startsWith('INSERT INTO perdure.events');
                if (isInsert) inserts += 1;
                if (isInsert && inserts === 3) throw new Error('The statement failed.');
                return await tx.query(sql, params);
              },
            }),
        ),
    };
    await expect(importDocument(failing, key, document)).rejects.toThrow('The statement failed.');
    expect(await rowsOf(db(), key)).toEqual(NO_ROWS);
    expect(await claims(db(), key)).toEqual([]);
    await importDocument(db(), key, document);
    expect((await exportOf(db(), key)).tables['events']).toHaveLength(1_001);
  });

  test('what a process that died left of an import is deleted by upkeep, and by the next import', async () => {
    const document = await largeDocument();
    const [first, second] = [newKey(), newKey()];
    for (const key of [first, second]) {
      await expect(importDocument(dying(db(), 3), key, document)).rejects.toThrow('died');
      expect(await rowsOf(db(), key)).not.toEqual(NO_ROWS);
    }
    await expect(importDocument(db(), first, document)).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await deleteAbandonedRows(db())).toBe(0);
    await abandon(db(), first);
    await abandon(db(), second);
    // Other rows, so that what is left over would show.
    await importDocument(db(), second, { ...document, session: { ...document.session, head: 0 }, tables: {} });
    expect(await rowsOf(db(), second)).toEqual([{ events: 1, messages: 0, runs: 0, calls: 0 }]);
    expect(await deleteAbandonedRows(db())).toBe(1);
    expect(await rowsOf(db(), first)).toEqual(NO_ROWS);
    expect(await deleteAbandonedRows(db())).toBe(0);
  });

  test('what a process that died left of a deletion is deleted by upkeep', async () => {
    const key = await imported(await largeDocument());
    expect(await deleteSession(dying(db(), 2), key)).toBe(true);
    expect(await seen(key)).toEqual(ABSENT);
    expect(await rowsOf(db(), key)).not.toEqual(NO_ROWS);
    await abandon(db(), key);
    expect(await deleteAbandonedRows(db())).toBe(1);
    expect(await rowsOf(db(), key)).toEqual(NO_ROWS);
  });

  test('what a process that died left of a restoration is deleted, and the archived session is as it was', async () => {
    const key = await imported(await largeDocument());
    await archiveSession(db(), key);
    const before = { ...(await exportOf(db(), key)), exportedAt: '' };
    await expect(restoreSession(dying(db(), 4), key, LIMITS)).rejects.toThrow('died');
    expect(await rowsOf(db(), key)).not.toEqual([{ events: 1, messages: 0, runs: 0, calls: 0 }]);
    expect({ ...(await exportOf(db(), key)), exportedAt: '' }).toEqual(before);
    await abandon(db(), key);
    expect(await deleteAbandonedRows(db())).toBe(1);
    expect(await rowsOf(db(), key)).toEqual([{ events: 1, messages: 0, runs: 0, calls: 0 }]);
    await restoreSession(db(), key, LIMITS);
    expect(await seen(key)).toMatchObject({ status: 'active', message: true });
  });

  test('a holder that was too slow finds its claim taken, and does not touch the rows of the new one', async () => {
    const document = await largeDocument();
    const key = newKey();
    let transactions = 0;
    const slow = watched(db(), async () => {
      transactions += 1;
      if (transactions !== 3) return;
      await abandon(db(), key);
      await importDocument(db(), key, document);
    });
    await expect(importDocument(slow, key, document)).rejects.toMatchObject({ code: 'store_unavailable' });
    expect((await exportOf(db(), key)).tables['events']).toHaveLength(1_001);
    expect(await claims(db(), key)).toEqual([]);
  });

  test('while a key is claimed, no process begins a session under it, whatever its version', async () => {
    const document = await largeDocument();
    const key = newKey();
    await expect(importDocument(dying(db(), 3), key, document)).rejects.toThrow('died');
    const refused = await send(db(), key, { id: 'm1', content: 'hello' }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(PerdureError);
    expect(refused).toMatchObject({ code: 'store_unavailable', retryAfterMs: 1_000 });
    // As a process does that does not look for claims.
    const insert = db().query(
      `INSERT INTO perdure.sessions SELECT (json_populate_record(s, $1::json)).* FROM perdure.sessions s LIMIT 1`,
      [JSON.stringify({ user_id: key.user, session_id: key.session })],
    );
    await expect(insert).rejects.toMatchObject({ code: 'store_unavailable' });
    await abandon(db(), key);
    await deleteAbandonedRows(db());
    expect(await send(db(), key, { id: 'm1', content: 'hello' })).toMatchObject({ created: true });
  });

  test('a message waits for another request that restores the session', async () => {
    const key = await imported(await largeDocument());
    await archiveSession(db(), key);
    let sent: Promise<unknown> | undefined;
    const store = watched(db(), async () => {
      sent ??= send(db(), key, { id: 'm2', content: 'again' });
      await setImmediate();
    });
    await restoreSession(store, key, LIMITS);
    expect(await sent).toMatchObject({ ok: true });
    expect((await exportOf(db(), key)).tables['messages']).toHaveLength(2);
  });

  test('a session that is deleted while it is restored stays deleted', async () => {
    const key = await imported(await largeDocument());
    await archiveSession(db(), key);
    let transactions = 0;
    const store = watched(db(), async () => {
      transactions += 1;
      if (transactions === 4) await deleteSession(db(), key);
    });
    await expect(restoreSession(store, key, LIMITS)).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await seen(key)).toEqual(ABSENT);
    expect(await rowsOf(db(), key)).toEqual(NO_ROWS);
    expect(await claims(db(), key)).toEqual([]);
  });

  test('the open runs of a document are neither counted nor found before they are cancelled', async () => {
    const source = newKey();
    await send(db(), source, { id: 'm1', content: 'hello' });
    const document = await exportOf(db(), source);
    const key = newKey('bob');
    const run = document.tables['runs']?.[0]?.['run_id'] as string;
    const before = await countOpen(db());
    const found: unknown[] = [];
    const store = watched(db(), async () => {
      expect(await countOpen(db())).toMatchObject({ queuedRuns: before.queuedRuns });
      found.push(await findRun(db(), key.user, run));
    });
    await importDocument(store, key, document);
    expect(found.length).toBeGreaterThan(2);
    expect(found).toEqual([...Array<null>(found.length - 1).fill(null), key]);
  });
});
