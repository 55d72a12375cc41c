import { describe, expect, test, vi } from 'vitest';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { supersedeServer, takeOverSessions } from '../../../store/admin/workers/take-over-sessions.ts';
import { saveUserLimits } from '../../../store/budgets/user-budgets.ts';
import type { Db } from '../../../store/db/db.ts';
import { restingSession } from '../../../store/log/resting-session.ts';
import type { CachedPosition } from '../../../store/runs/load-new-events.ts';
import { endedRun, readMessage } from '../../../store/read/read-message.ts';
import { readHeads } from '../../../store/read/read-heads.ts';
import { leaveSession } from '../../../store/serving/leave-session.ts';
import { loadNextRun, type LoadedNextRun } from '../../../store/serving/load-next-run.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { patchSession } from '../../../store/sessions/patch-session.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { commitAdmissions } from '../../../store/admission/commit-admissions.ts';
import { admission, newKey, pin, refused, replyTo, send } from '../conversation.ts';

const SERVER = { workerId: 'worker', epoch: null };

/** Sends a message and answers it as a server does, on what it knows. Returns the id of the run, and what the server has cached then. */
async function turn(
  db: Db,
  key: SessionKey,
  id: string,
  options: { readonly cached?: CachedPosition | null; readonly text?: string } = {},
): Promise<{ readonly runId: string; readonly cached: CachedPosition }> {
  const { cached = null, text = 'an answer' } = options;
  const { runId } = await send(db, key, { id, content: 'hello' });
  const known = (await loadNextRun(db, key, cached))?.known ?? null;
  const begun = await beginStep(db, key, { runId, pin, server: SERVER, known, cached });
  if (begun.kind !== 'model') throw new Error(`The run is at ${begun.kind}.`);
  const { events } = await commitStep(db, key, replyTo(runId, begun, { text }));
  const last = events.at(-1);
  if (!last) throw new Error('Nothing was committed.');
  const { createdAt } = begun.claimed.session;
  return { runId, cached: { createdAt, throughSeq: last.seq, throughAt: last.at } };
}

/** The store, with a list of the statements that are sent outside of transactions. */
function recorded(db: Db): { readonly db: Db; readonly statements: string[] } {
  const statements: string[] = [];
  const query: Db['query'] = async (sql, params) => {
    statements.push(sql);
    return await db.query(sql, params);
  };
  const attempt: Db['attempt'] = async (sql, params) => {
    statements.push(sql);
    return await db.attempt(sql, params);
  };
  return { db: { ...db, query, attempt }, statements };
}

/** Columns of a run that no write function reads. */
const STORE_COLUMNS = new Set(['user_id', 'session_id', 'foreign_pin']);

/** What was loaded, in the form in which another read can be compared with it: without the moment of the read. */
function comparable(found: LoadedNextRun | null): unknown {
  if (!found) return null;
  const { known, ...rest } = found;
  const { atMs: _atMs, at: _at, ...session } = known.session;
  const run = Object.fromEntries(Object.entries(known.loaded.run).filter(([name]) => !STORE_COLUMNS.has(name)));
  return JSON.parse(JSON.stringify({ ...rest, session, loaded: { ...known.loaded, run } }, withUtcTimes));
}

/** The store writes times with an offset in JSON. */
function withUtcTimes(_: string, value: unknown): unknown {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? new Date(value).toISOString() : value;
}

describeStores(['pglite'], (db) => {
  test('a turn of a session that rests needs one statement for the admission, and one for each change of the run', async () => {
    const key = newKey();
    const { cached } = await turn(db(), key, 'm1');
    const count = recorded(db());
    const second = await turn(count.db, key, 'm2', { cached });
    expect(count.statements.map((sql) => sql.includes('UPDATE perdure.sessions'))).toEqual([true, true, true]);
    expect(await readHeads(count.db, [key])).toEqual([second.cached.throughSeq]);
    expect(endedRun(count.db, key, second.runId)).toMatchObject({ id: second.runId, output: 'an answer' });
    expect(count.statements).toHaveLength(3);
  });

  test('a session that rests is left with one statement, and rests on', async () => {
    const key = newKey();
    const { cached } = await turn(db(), key, 'm1');
    const { epoch } = restingSession(db(), key)?.session.row ?? { epoch: null };
    const count = recorded(db());
    const left = { kind: 'left', lastOrdinal: 1, status: 'active' };
    expect(await leaveSession(count.db, key, { epoch, handsOver: false })).toEqual(left);
    expect(count.statements).toHaveLength(1);
    const { served } = await commitAdmissions(count.db, key, admission({ messages: [{ id: 'm2', content: 'more' }] }));
    expect(served).toBe(false);
    const next = await loadNextRun(count.db, key, cached);
    expect(count.statements).toHaveLength(2);
    const { memory: _, ...other } = db();
    expect(comparable(next)).toEqual(comparable(await loadNextRun(other, key, cached)));
  });

  test.each(['another epoch', 'another version'])('with %s, leaving is decided under the lock', async (what) => {
    const key = newKey();
    await turn(db(), key, 'm1');
    const { epoch = 0 } = restingSession(db(), key)?.session.row ?? {};
    if (what === 'another version')
      await db().query(`UPDATE perdure.sessions SET epoch = epoch + 1 WHERE session_id = $1`, [key.session]);
    const as = what === 'another epoch' ? epoch - 1 : epoch;
    expect(await leaveSession(db(), key, { epoch: as, handsOver: false })).toEqual({ kind: 'superseded' });
    expect(restingSession(db(), key)).toBeNull();
  });

  test('a run that was admitted to a session that rests is loaded as the store has it', async () => {
    const key = newKey();
    const { cached } = await turn(db(), key, 'm1');
    await send(db(), key, { id: 'm2', content: 'more' }, { traceparent: '00-1-2-01' });
    const remembered = await loadNextRun(db(), key, cached);
    const { memory: _, ...other } = db();
    expect(comparable(remembered)).toEqual(comparable(await loadNextRun(other, key, cached)));
    expect(remembered?.next.traceparent).toBe('00-1-2-01');
  });

  test('a run that has just ended is the one that the store has', async () => {
    const key = newKey();
    const text = 'unstorable: \u0000 \ud800';
    const { runId } = await turn(db(), key, 'm1', { text });
    const stored = await readMessage(db(), key, 'm1');
    expect(endedRun(db(), key, runId)).toEqual(stored?.run);
    expect(stored?.run?.output).toBe('unstorable: \uFFFD \uFFFD');
    expect(endedRun(db(), key, 'another run')).toBeNull();
  });

  test('a message that comes after the machine has slept has the time of the clock', async () => {
    const key = newKey();
    await turn(db(), key, 'm1');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 8 * 3_600_000 });
    try {
      const { events } = await send(db(), key, { id: 'm2', content: 'good morning' });
      expect(Date.parse(events[0]?.at ?? '')).toBeGreaterThanOrEqual(Date.now() - 60_000);
    } finally {
      vi.useRealTimers();
    }
  });

  describe('a session that rests is read again', () => {
    const changes: Record<string, (store: Db, key: SessionKey) => Promise<unknown>> = {
      'once its policy was changed': (store, key) => patchSession(store, key, { policy: { maxSteps: 3 } }),
      'once the sessions of its server were taken over': (store) => takeOverSessions(store, SERVER.workerId, 100),
      'once an activity that was about to serve it was superseded': supersedeServer,
      "once the user's limits were changed": (store, { user }) => saveUserLimits(store, user, { dailyUsd: 1 }),
    };
    test.each(Object.entries(changes))('%s', async (_, change) => {
      const key = newKey('ann-of-changes');
      await turn(db(), key, 'm1');
      expect(restingSession(db(), key)).not.toBeNull();
      await change(db(), key);
      expect(restingSession(db(), key)).toBeNull();
    });

    test('while a change of it is being saved', async () => {
      const key = newKey();
      await turn(db(), key, 'm1');
      const saving = send(db(), key, { id: 'm2', content: 'more' });
      await Promise.resolve();
      const slow = db().transaction(async (tx) => {
        await tx.query('SELECT 1', []);
      });
      await Promise.all([saving, slow]);
      expect(restingSession(db(), key)?.admitted?.run.message_ids).toEqual(['m2']);
      const [first, second] = [db().memory?.forget(key), db().memory?.forget(key)];
      first?.('1');
      second?.('2');
      db().memory?.remember(key, '1', {});
      expect(db().memory?.recall(key)).toBeNull();
      db().memory?.remember(key, '2', { is: 'current' });
      expect(db().memory?.recall(key)).toEqual({ is: 'current' });
    });
  });

  test('a large answer, and a large message, are not remembered', async () => {
    const key = newKey();
    const { runId } = await turn(db(), key, 'm1', { text: 'x'.repeat(20_000) });
    expect(endedRun(db(), key, runId)).toBeNull();
    expect(restingSession(db(), key)).not.toBeNull();
    await send(db(), key, { id: 'm2', content: 'x'.repeat(20_000) });
    expect(restingSession(db(), key)).toBeNull();
  });
});

describeStores(DATABASES, (db) => {
  test('a message that is repeated while its session rests gets the same receipt, and another body under its id is refused', async () => {
    const key = newKey();
    const message = { id: 'm1', content: 'hello' };
    const { runId } = await turn(db(), key, message.id);
    const repeated = await send(db(), key, message);
    expect(repeated).toMatchObject({ duplicate: true, runId });
    await turn(db(), key, 'm2');
    expect(await refused(db(), key, { ...message, content: 'other' })).toMatchObject({ code: 'idempotency_conflict' });
  });

  test('two messages that are sent at once while a session rests become two runs, in the order of their receipts', async () => {
    const key = newKey();
    const { cached } = await turn(db(), key, 'm1');
    const sent = await Promise.all(['m2', 'm3'].map(async (id) => await send(db(), key, { id, content: id })));
    const positions = sent.map(({ receipt }) => receipt.position);
    expect(positions.toSorted((a, b) => Number(a) - Number(b))).toEqual([0, 1]);
    const first = sent[positions.indexOf(0)];
    expect(await loadNextRun(db(), key, cached)).toMatchObject({ next: { runId: first?.runId }, isLast: false });
  });
});
