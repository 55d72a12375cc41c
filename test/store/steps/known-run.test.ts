import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { resolveBudgets } from '../../../core/money/budget.ts';
import type { Db } from '../../../store/db/db.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import type { KnownRun } from '../../../store/steps/known-run.ts';
import type { RunPosition } from '../../../store/steps/run-position.ts';
import { markTree } from '../../../store/children/mark-tree.ts';
import { loadNextRun } from '../../../store/serving/load-next-run.ts';
import { patchSession } from '../../../store/sessions/patch-session.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { beginModel, call, newKey, pin, replyTo, send, started } from '../conversation.ts';

/** A store that counts its statements, those of transactions included. */
function counting(db: Db): { readonly db: Db; statements: number } {
  const count = { statements: 0, db };
  count.db = {
    ...db,
    query: async (sql, params) => {
      count.statements += 1;
      return await db.query(sql, params);
    },
    attempt: async (sql, params) => {
      count.statements += 1;
      return await db.attempt(sql, params);
    },
    transaction: async (work) => {
      count.statements += 2;
      return await db.transaction(async (tx) => {
        const query: Db['query'] = async (sql, params) => {
          count.statements += 1;
          return await tx.query(sql, params);
        };
        return await work({ ...tx, query });
      });
    },
  };
  return count;
}

type Model = Extract<RunPosition, { kind: 'model' }>;

/** Begins a step on what is known, as a worker whose context cache has the conversation. Throws unless a model call is next. */
async function beginKnown(
  db: Db,
  key: SessionKey,
  known: KnownRun,
  results: Parameters<typeof beginStep>[2]['results'] = [],
) {
  const { since, headAt } = known.loaded;
  const cached =
    since === 0 ? null : { createdAt: known.session.createdAt, throughSeq: since, throughAt: headAt ?? '' };
  const begun = await beginStep(db, key, { runId: known.loaded.run.run_id, pin, results, known, cached });
  if (begun.kind !== 'model') throw new Error(`The run is at ${begun.kind}.`);
  return begun;
}

async function loadKnown(db: Db, key: SessionKey): Promise<KnownRun> {
  const next = await loadNextRun(db, key, null);
  if (!next) throw new Error('No run is open.');
  return next.known;
}

/** A turn with one tool call. `isKnown`: no step loads what the one before has saved. Returns the number of statements. */
async function turn(db: Db, key: SessionKey, isKnown: boolean): Promise<number> {
  const count = counting(db);
  const counted = count.db;
  await send(db, key, { id: 'm1', content: 'hello' });
  const { next, known: first } = (await loadNextRun(counted, key, null)) ?? {};
  if (!next || !first) throw new Error('No run is open.');
  const { runId } = next;
  const claim = isKnown ? await beginKnown(counted, key, first) : await beginModel(counted, key, runId);
  const claimed = (position: Model) => (isKnown ? position : { ...position, claimed: undefined as never });
  const toolCalls = [call('c1', { inPlace: true })];
  const commit = await commitStep(counted, key, replyTo(runId, claimed(claim), { toolCalls }));
  if (commit.outcome !== 'committed' || !commit.next) throw new Error('The step was not committed.');
  const results = [{ callId: 'c1', outcome: { status: 'completed', result: 'noon' }, durationMs: 3 }] as const;
  const last = isKnown
    ? await beginKnown(counted, key, commit.next, results)
    : ((await beginStep(counted, key, { runId, pin, results })) as Model);
  expect(await commitStep(counted, key, replyTo(runId, claimed(last)))).toMatchObject({ ended: true, next: null });
  return count.statements;
}

/** Everything that the store has of a session, without times and the ids of sessions and runs. */
async function rowsOf(db: Db, key: SessionKey): Promise<unknown> {
  const tables = ['sessions', 'events', 'messages', 'runs', 'steps', 'tool_calls', 'model_calls'];
  const rows = [];
  for (const table of tables) {
    rows.push(
      await db.query(
        `SELECT to_jsonb(t) AS row FROM perdure.${table} t WHERE user_id = $1 AND session_id = $2
                       ORDER BY to_jsonb(t)->>'seq', to_jsonb(t)->>'step'`,
        [key.user, key.session],
      ),
    );
  }
  const days = await db.query(`SELECT to_jsonb(t) AS row FROM perdure.usage_days t WHERE user_id = $1`, [key.user]);
  const stats = await db.query(
    `SELECT to_jsonb(t) - 'bucket' - 'busy_ms' AS row FROM perdure.run_stats t WHERE user_id = $1`,
    [key.user],
  );
  const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
  const text = JSON.stringify([...rows, days, stats])
    .replaceAll(uuid, 'id')
    .replaceAll(key.user, 'user');
  return JSON.parse(
    text
      .replaceAll(/"\d{4}-\d\d-\d\dT[^"]*"/g, '"time"')
      .replaceAll(/"idempotency_key":"[^"]*"/g, '"idempotency_key":"key"')
      .replaceAll(/"epoch":\d+/g, '"epoch":0')
      .replaceAll(/"busy_ms":\d+/g, '"busy_ms":0'),
  );
}

describeStores(DATABASES, (db) => {
  test('a turn whose steps begin on what is known leaves the same rows, with one statement a step', async () => {
    const [usual, quick] = [newKey('user-1'), newKey('user-2')];
    const usualStatements = await turn(db(), usual, false);
    // The load, two claims and two commits.
    expect(await turn(db(), quick, true)).toBe(5);
    expect(usualStatements).toBeGreaterThan(15);
    expect(await rowsOf(db(), quick)).toEqual(await rowsOf(db(), usual));
    // An agent without context providers leaves no row of any.
    const calls = 'SELECT * FROM perdure.context_calls WHERE user_id = $1 AND session_id = $2';
    expect(await db().query(calls, [quick.user, quick.session])).toEqual([]);
  });

  describe('what was changed meanwhile decides', () => {
    test('a message that steers the run', async () => {
      const { key, runId } = await started(db());
      const before = await loadKnown(db(), key);
      await send(db(), key, { id: 'm2', content: 'go left', whileRunning: 'steer' });
      const begun = await beginKnown(db(), key, before);
      expect(begun.conversation.newEvents).toHaveLength(3);
      await send(db(), key, { id: 'm3', content: 'go right', whileRunning: 'steer' });
      expect(await commitStep(db(), key, replyTo(runId, begun))).toMatchObject({ outcome: 'committed', ended: false });
    });

    test('a stop', async () => {
      const { key, runId } = await started(db());
      const before = await loadKnown(db(), key);
      await markTree(db(), key, { runId, reason: 'cancelled' });
      expect(await beginStep(db(), key, { runId, pin, known: before })).toMatchObject({ kind: 'stopped' });
    });

    test('an end', async () => {
      const { key, runId } = await started(db());
      const before = await loadKnown(db(), key);
      const begun = await beginKnown(db(), key, before);
      const end = { status: 'cancelled', reason: 'cancelled' } as const;
      await commitRunEnd(db(), key, { runId, end, partial: null, failSession: false });
      expect(await commitStep(db(), key, replyTo(runId, begun))).toMatchObject({ outcome: 'stale' });
      expect(await beginStep(db(), key, { runId, pin, known: before })).toMatchObject({ kind: 'ended' });
    });

    test('another claim', async () => {
      const { key, runId } = await started(db());
      const before = await loadKnown(db(), key);
      const first = await beginKnown(db(), key, before);
      const second = await beginKnown(db(), key, before);
      expect([first.attempt, second.attempt]).toEqual([1, 2]);
      expect(await commitStep(db(), key, replyTo(runId, first))).toMatchObject({ outcome: 'stale' });
      expect(await commitStep(db(), key, replyTo(runId, second))).toMatchObject({ outcome: 'committed' });
      expect(
        (await readEvents(db(), key, { after: 0, limit: 100 })).events.filter(({ type }) => type === 'run.started'),
      ).toHaveLength(1);
    });

    test('a take-over', async () => {
      const { key, runId } = await started(db());
      const server = { workerId: 'worker 1', epoch: null };
      const before = await loadKnown(db(), key);
      const begun = await beginStep(db(), key, { runId, pin, server, known: before });
      if (begun.kind !== 'model') throw new Error(begun.kind);
      const commit = await commitStep(db(), key, replyTo(runId, begun, { toolCalls: [call('c1', { refused: 'no' })] }));
      if (commit.outcome !== 'committed' || !commit.next) throw new Error(commit.outcome);
      const other = await beginStep(db(), key, { runId, pin, server: { workerId: 'worker 2', epoch: null } });
      expect(other.epoch).toBe(begun.epoch + 1);
      const { since, headAt } = commit.next.loaded;
      const cached = { createdAt: commit.next.session.createdAt, throughSeq: since, throughAt: headAt ?? '' };
      const late = { runId, pin, server: { workerId: 'worker 1', epoch: begun.epoch }, known: commit.next, cached };
      expect(await beginStep(db(), key, late)).toMatchObject({ kind: 'superseded' });
    });

    test('a policy of the session', async () => {
      const { key } = await started(db());
      const before = await loadKnown(db(), key);
      await patchSession(db(), key, { policy: { maxSteps: 3 } });
      expect((await beginKnown(db(), key, before)).policy).toEqual({ maxSteps: 3 });
    });
  });

  test('of 20 that begin a step at the same time on the same knowledge, each has an attempt of its own', async () => {
    const { key, runId } = await started(db());
    const before = await loadKnown(db(), key);
    const begun = await Promise.all(Array.from({ length: 20 }, () => beginKnown(db(), key, before)));
    expect(begun.map(({ attempt }) => attempt).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    const commits = await Promise.all(begun.map((claim) => commitStep(db(), key, replyTo(runId, claim))));
    expect(commits.filter(({ outcome }) => outcome === 'committed')).toHaveLength(1);
    expect(await readRun(db(), key, runId)).toMatchObject({ status: 'completed', steps: 1 });
  });

  test('a step that is begun again on the same knowledge does not change it', async () => {
    const { key } = await started(db());
    const before = await loadKnown(db(), key);
    const copy = structuredClone(before);
    await beginKnown(db(), key, before);
    expect(before).toEqual(copy);
  });

  test('a step that took long to save does not put the next one into the past', async () => {
    const { key, runId } = await started(db());
    const slow: Db = {
      ...db(),
      attempt: async (sql, params) => {
        await delay(200);
        return await db().attempt(sql, params);
      },
    };
    const claim = await beginKnown(slow, key, await loadKnown(db(), key));
    const commit = await commitStep(slow, key, replyTo(runId, claim));
    const [claimedAt, committedAt] = [claim, commit].map(({ events }) => Date.parse(events.at(-1)?.at ?? ''));
    // The clocks count whole milliseconds, and a timer may fire one early.
    expect(committedAt! - claimedAt!).toBeGreaterThanOrEqual(198);
  });

  test('a call id that the run has used is refused', async () => {
    const { key, runId } = await started(db());
    const claim = await beginKnown(db(), key, await loadKnown(db(), key));
    const commit = await commitStep(db(), key, replyTo(runId, claim, { toolCalls: [call('c1', { refused: 'no' })] }));
    if (commit.outcome !== 'committed' || !commit.next) throw new Error(commit.outcome);
    const again = await beginKnown(db(), key, commit.next);
    const repeated = commitStep(db(), key, replyTo(runId, again, { toolCalls: [call('c1')] }));
    await expect(repeated).rejects.toThrow('The tool call id "c1" is used twice');
  });

  test('a budget is warned of that a call reaches', async () => {
    const key = newKey('warned');
    await send(db(), key, { id: 'm1', content: 'hello' });
    const claim = await beginKnown(db(), key, await loadKnown(db(), key));
    const cost = { nanos: 2_000_000_000, priceSource: 'test', priceDate: null };
    const budgets = resolveBudgets({ dailyWarnUsd: 1 });
    const runId = claim.claimed.run.run_id;
    const commit = await commitStep(db(), key, { ...replyTo(runId, claim), cost, budgets });
    expect(commit.events.map(({ type }) => type)).toContain('budget.warned');
  });
});
