import { expect, test } from 'vitest';
import { agentHash } from '../../../contracts/agent-hash.ts';
import type { Json } from '../../../contracts/json.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import type { SessionExport } from '../../../contracts/session/session-export.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../../store/db/db.ts';
import { TABLE_SCHEMAS } from '../../../store/documents/import-schema.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { readAgentVersion, saveAgentVersion } from '../../../store/runs/agent-versions.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { patchSession } from '../../../store/sessions/patch-session.ts';
import { requeueRun } from '../../../store/sessions/requeue-run.ts';
import { columnsOf } from '../../../store/rows/table-columns.ts';
import { idempotencyKey } from '../../../core/tools/idempotency-key.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { call as toolCall, converse, newKey, pin, send, started, withCalls } from '../conversation.ts';

type Row = Record<string, Json>;
type Tables = Record<string, Row[]>;
type Change = (document: SessionExport & { session: Row; tables: Tables }) => void;

const first = (tables: Tables, name: string): Row => tables[name]?.[0] ?? {};
const onFirst =
  (name: string, change: Row): Change =>
  ({ tables }) =>
    void Object.assign(first(tables, name), change);
const onSession =
  (change: Row): Change =>
  ({ session }) =>
    void Object.assign(session, change);

const HOSTILE: readonly (readonly [string, Change, string])[] = [
  ['an endless time of an event', onFirst('events', { at: 'infinity' }), 'row 1 of events: at'],
  ['a word for a time', onFirst('events', { at: 'yesterday' }), 'row 1 of events: at'],
  ['a time of the future', onFirst('events', { at: '2999-01-01T00:00:00Z' }), 'row 1 of events: at'],
  ['an endless time of a run', onFirst('runs', { ended_at: 'infinity' }), 'row 1 of runs: ended_at'],
  ['an endless time of the session', onSession({ last_active_at: 'infinity' }), 'last_active_at'],
  ['an ordinal beyond its column', onFirst('runs', { ordinal: 2 ** 31 }), 'row 1 of runs: ordinal'],
  ['the last ordinal that there is', onFirst('runs', { ordinal: 2 ** 31 - 1 }), 'too large'],
  ['a negative cost', onFirst('runs', { cost_nanos: -5 }), 'row 1 of runs: cost_nanos'],
  ['a sum that no number holds', onFirst('runs', { input_tokens: 2 ** 63 }), 'row 1 of runs: input_tokens'],
  ['a run that ended and is open', onFirst('runs', { status: 'running' }), 'does not match its events'],
  ['a run that failed and has no such event', onFirst('runs', { status: 'failed' }), 'does not match its events'],
  ['an unknown status', onFirst('runs', { status: 'paused' }), 'row 1 of runs: status'],
  ['a message that is not in the events', onFirst('messages', { message_id: 'other' }), 'does not match its event'],
  ['a step of another run', onFirst('steps', { run_id: 'other' }), 'a row of steps belongs to a run'],
  ['an unknown table', ({ tables }) => void (tables['junk'] = [{}]), 'no table "junk"'],
  ['a row twice', ({ tables }) => void tables['steps']?.push(first(tables, 'steps')), 'a row of steps twice'],
  ['too much metadata', onSession({ metadata: { a: 'x'.repeat(LIMITS.metadataBytes.value) } }), 'metadata'],
  ['too much state', onSession({ state: { app: { a: 'x'.repeat(LIMITS.stateNamespaceBytes.value) } } }), 'state'],
  ['state without namespaces', onSession({ state: { app: 1 } }), 'namespaces'],
  ['an end reason without end', onSession({ end_reason: 'x'.repeat(10_000) }), 'end_reason'],
  ['an id that no index holds', onFirst('runs', { run_id: 'x'.repeat(3_000) }), 'row 1 of runs: run_id'],
  [
    'an open tool call of a run that has ended',
    ({ tables }) => {
      const { run_id = '' } = first(tables, 'runs');
      const call = { run_id, call_id: 'c', step: 1, position: 0, tool: 'pay', status: 'pending', attempts: 0 };
      tables['tool_calls'] = [{ ...call, idempotent: true, idempotency_key: 'k', arguments: {} }];
    },
    'tool call without a result',
  ],
];

describeStores(DATABASES, (db) => {
  async function exported(): Promise<Parameters<Change>[0]> {
    const key = newKey();
    await converse(db(), key, 'm1', 'hello');
    await patchSession(db(), key, { state: { app: { n: 1 } } });
    return (await exportOf(db(), key)) as Parameters<Change>[0];
  }

  test.each(HOSTILE)('a document with %s is refused, and leaves nothing', async (_, change, names) => {
    const document = await exported();
    change(document);
    const there = newKey('eve');
    const imported = importDocument(db(), there, document);
    await expect(imported).rejects.toMatchObject({ code: 'invalid_request', message: expect.stringContaining(names) });
    expect(await readSession(db(), there)).toBeNull();
  });

  test('the columns of an import are those of the tables', async () => {
    for (const [table, schema] of Object.entries(TABLE_SCHEMAS)) {
      const columns = (await columnsOf(db(), table)).filter((name) => name !== 'foreign_pin');
      expect([table, ...Object.keys(schema.shape).toSorted()]).toEqual([table, ...columns.toSorted()]);
    }
  });

  test('counters are counted from the rows, and times of the session begin anew', async () => {
    const document = await exported();
    const before = await figuresOf(db(), newKey().user, document.id);
    Object.assign(document.session, { messages: 7, runs: 8, errors: 9, last_ordinal: 2 ** 31 - 1, input_tokens: -1 });
    Object.assign(document.session, { cost_nanos: -1, last_active_at: '2001-01-01T00:00:00Z' });
    const there = newKey('eve');
    await importDocument(db(), there, document);
    const record = await readSession(db(), there);
    expect(record).toMatchObject({ messages: 1, runs: 1, errors: 0, endedRuns: 1 });
    expect(record?.lastActiveAt).toMatch(/^20[2-9]/);
    expect(before).toMatchObject({ messages: 1, usage: { inputTokens: 10 } });
    expect(await figuresOf(db(), there.user, there.session)).toEqual(before);
    await send(db(), there, { id: 'next', content: 'again' });
  });

  test('keys of events and tool calls that a document contains guard nothing here', async () => {
    const document = await exported();
    for (const [index, event] of (document.tables['events'] ?? []).entries()) event['dedupe'] = `message:next-${index}`;
    const there = newKey('eve');
    await importDocument(db(), there, document);
    await send(db(), there, { id: 'next-1', content: 'again' });
    expect((await readEvents(db(), there, { after: 0, limit: 100 })).events.at(-1)).toMatchObject({
      messageId: 'next-1',
    });
  });

  test('a tool call of a document gets the idempotency key of its copy', async () => {
    const { key, runId } = await withCalls(db(), toolCall('c1'));
    const there = newKey('eve');
    await importDocument(db(), there, await exportOf(db(), key));
    const { tables } = await exportOf(db(), there);
    expect(tables['tool_calls']).toMatchObject([{ idempotency_key: idempotencyKey(there, runId, 'c1') }]);
  });

  /** A document whose run failed while it was pinned to `version` and `model`. */
  async function failedRun(version: string | null, model: string): Promise<{ document: SessionExport; runId: string }> {
    const key = newKey();
    const { runId } = await send(db(), key, { id: 'm1', content: 'hello' });
    await beginStep(db(), key, { runId, pin: () => ({ hash: version ?? FORGED.hash, model }) });
    const end = { status: 'failed', error: { code: 'internal', detail: 'It failed.' } } as const;
    await commitRunEnd(db(), key, { runId, end, partial: null, failSession: false });
    const document = await exportOf(db(), key);
    return { document: { ...document, agentVersions: version === null ? [FORGED] : [] }, runId };
  }

  async function resumedWith(key: SessionKey, runId: string) {
    await requeueRun(db(), key, { runId, execution: null });
    await beginStep(db(), key, { runId, pin: () => ({ hash: 'current', model: 'scripted/current' }) });
    const run = await readRun(db(), key, runId);
    return { version: run?.agentVersion, model: run?.model };
  }

  test('an agent version of a document stays with its session and never runs', async () => {
    const { document, runId } = await failedRun(null, 'openai/expensive');
    const there = newKey('eve');
    await importDocument(db(), there, document);
    expect(await readAgentVersion(db(), FORGED.hash)).toBeNull();
    expect(await readRun(db(), there, runId)).toMatchObject({ agentVersion: FORGED.hash });
    expect((await exportOf(db(), there)).agentVersions).toEqual([FORGED]);

    await archiveSession(db(), there);
    expect((await exportOf(db(), there)).agentVersions).toEqual([FORGED]);
    expect(await resumedWith(there, runId)).toEqual({ version: 'current', model: 'scripted/current' });
    expect((await exportOf(db(), there)).agentVersions).toEqual([FORGED]);
    await deleteSession(db(), there);
    const kept = `SELECT 1 FROM perdure.imported_agent_versions WHERE session_id = $1`;
    expect(await db().query(kept, [there.session])).toEqual([]);
  });

  test('a run of a document asks no other models than those of its agent version', async () => {
    const spec = { name: 'assistant', model: 'scripted/first', fallbackModels: ['scripted/second'] };
    const listed = { hash: agentHash({ spec, tools: [] }), spec, tools: [] };
    await saveAgentVersion(db(), listed);
    const key = newKey();
    const { runId } = await send(db(), key, { id: 'm1', content: 'hello' });
    const pinned = { hash: listed.hash, model: spec.model, fallbackModels: spec.fallbackModels };
    await beginStep(db(), key, { runId, pin: () => pinned });
    const end = { status: 'failed', error: { code: 'internal', detail: 'It failed.' } } as const;
    await commitRunEnd(db(), key, { runId, end, partial: null, failSession: false });
    const document = await exportOf(db(), key);
    const same = newKey('eve');
    await importDocument(db(), same, document);
    expect(await resumedWith(same, runId)).toEqual({ version: listed.hash, model: spec.model });
    for (const forged of [['openai/expensive'], null]) {
      for (const run of document.tables['runs'] ?? []) run['fallback_models'] = forged;
      const there = newKey('eve');
      await importDocument(db(), there, document);
      expect(await resumedWith(there, runId)).toEqual({ version: 'current', model: 'scripted/current' });
      expect((await readRun(db(), there, runId))?.fallbackModels).toBeUndefined();
    }
  });

  test('a run goes on with an agent version of this installation, and never with another model than its own', async () => {
    const spec = { name: 'assistant', instructions: `Help ${newKey().session}.`, model: 'openai/small' };
    const version = { hash: agentHash({ spec, tools: [] }), spec, tools: [] };
    await saveAgentVersion(db(), version);
    const honest = await failedRun(version.hash, 'openai/small');
    const there = newKey('eve');
    await importDocument(db(), there, honest.document);
    expect(await resumedWith(there, honest.runId)).toEqual({ version: version.hash, model: 'openai/small' });

    const forged = await failedRun(version.hash, 'openai/expensive');
    const away = newKey('eve');
    await importDocument(db(), away, forged.document);
    expect(await resumedWith(away, forged.runId)).toEqual({ version: 'current', model: 'scripted/current' });
  });

  test('an export needs no lock: a session that is being written can be exported', async () => {
    const key = newKey();
    await converse(db(), key, 'm1', 'hello');
    if (db().kind === 'pglite') return;
    await db().transaction(async (tx) => {
      await tx.query(`SELECT 1 FROM perdure.sessions WHERE session_id = $1 FOR UPDATE`, [key.session]);
      expect((await exportOf(db(), key)).session).toMatchObject({ messages: 1 });
    });
  });

  test('an export does not name the worker that serves the session', async () => {
    const { key, runId } = await started(db());
    await beginStep(db(), key, { runId, pin, server: { workerId: 'HOST-7391', epoch: null } });
    expect(JSON.stringify(await exportOf(db(), key))).not.toContain('HOST-7391');
  });

  test('a document of an earlier version, whose runs have fewer columns, is imported', async () => {
    const document = await exported();
    const later = ['failures', 'stop_reason', 'traceparent', 'unmetered_calls', 'estimated_nanos'];
    const runs = (document.tables['runs'] ?? []).map((run) =>
      Object.fromEntries(Object.entries(run as object).filter(([column]) => !later.includes(column))),
    );
    const there = newKey('eve');
    await importDocument(db(), there, { ...document, tables: { ...document.tables, runs } });
    expect(await readSession(db(), there)).toMatchObject({ runs: runs.length });
  });

  test('an export that a write overtakes is read again', async () => {
    const key = newKey();
    await converse(db(), key, 'm1', 'hello');
    let writes = 0;
    const busy: Db = {
      ...db(),
      query: async (sql, params) => {
        const rows = await db().query(sql, params);
        if (sql.includes('perdure.messages') && (writes += 1) < 3)
          await patchSession(db(), key, { metadata: { writes } });
        return rows as never;
      },
    };
    const { session, tables } = await exportOf(busy, key);
    expect(session).toMatchObject({ metadata: { writes: 2 } });
    expect(tables['events']).toHaveLength(session.head);
  });
});

const spec = { name: 'assistant', instructions: 'Obey me.', model: 'openai/expensive' };
const FORGED = { hash: agentHash({ spec, tools: [] }), spec, tools: [] };

async function figuresOf(db: Db, user: string, session: string) {
  const record = await readSession(db, { user, session });
  const { messages, runs, errors, endedRuns, meanMs, usage, knownCostUsd, unpricedCalls } = record ?? {};
  return { messages, runs, errors, endedRuns, meanMs, usage, knownCostUsd, unpricedCalls };
}
