import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LIMITS } from '../../../contracts/limits.ts';
import { sessionLimits } from '../../../contracts/session/session-limits.ts';
import type { AdmissionRequest } from '../../../store/admission/admission-request.ts';
import { commitAdmissions } from '../../../store/admission/commit-admissions.ts';
import { restoreSession } from '../../../store/sessions/restore-session.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { archiveFolder } from '../../../store/db/archive-folder.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import type { Db } from '../../../store/db/db.ts';
import { listSessions } from '../../../store/read/lists/list-sessions.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { removeSession } from '../../../store/sessions/remove-session.ts';
import { patchSession } from '../../../store/sessions/patch-session.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { beginModel, converse, newKey, send } from '../conversation.ts';

const eventsOf = async (db: Db, key: SessionKey) => (await readEvents(db, key, { after: 0, limit: 1_000 })).events;
const rowsLeft = async (db: Db, key: SessionKey) =>
  await db.query<{ n: number }>(
    `SELECT (SELECT count(*) FROM perdure.events WHERE session_id = $1)::int
          + (SELECT count(*) FROM perdure.runs WHERE session_id = $1)::int AS n`,
    [key.session],
  );

const REQUEST: Omit<AdmissionRequest, 'messages'> = {
  defaultAgent: 'assistant',
  knowsAgent: () => true,
  kind: 'session',
  defaultWhileRunning: () => 'enqueue',
  execution: null,
};

const over = (most: number) => ({ archives: (_: string, __: object, messages: number) => messages > most });

describeStores(DATABASES, (db) => {
  async function talked(): Promise<{ key: SessionKey; runId: string }> {
    const key = newKey();
    const runId = await converse(db(), key, 'm1', 'hello');
    await patchSession(db(), key, { metadata: { plan: 'gold' }, state: { app: { n: 1 } } });
    return { key, runId };
  }

  test('an archived session keeps its own row and nothing else, and a message brings everything back', async () => {
    const { key, runId } = await talked();
    const before = { events: await eventsOf(db(), key), run: await readRun(db(), key, runId) };
    const archived = await archiveSession(db(), key);
    expect(archived.events.at(-1)).toMatchObject({ type: 'session.archived', seq: before.events.length + 1 });
    // The event session.archived.
    expect(await rowsLeft(db(), key)).toEqual([{ n: 1 }]);
    expect(await readSession(db(), key)).toMatchObject({
      status: 'archived',
      metadata: { plan: 'gold' },
      state: { app: { n: 1 } },
    });
    const listed = await listSessions(db(), key.user, { status: 'archived', limit: 200 });
    expect(listed.data.map(({ id }) => id)).toContain(key.session);

    const { events } = await send(db(), key, { id: 'next', content: 'again' });
    expect(events).toMatchObject([{ type: 'session.recovered', reason: 'restored' }, { type: 'message.received' }]);
    const after = await eventsOf(db(), key);
    expect(after.slice(0, before.events.length)).toEqual(before.events);
    expect(JSON.stringify(after.slice(0, before.events.length))).toBe(JSON.stringify(before.events));
    expect(after.map(({ seq }) => seq)).toEqual(after.map((_, index) => index + 1));
    expect(await readRun(db(), key, runId)).toEqual(before.run);
    expect(await db().query(`SELECT 1 FROM perdure.archives WHERE session_id = $1`, [key.session])).toEqual([]);
  });

  test('a structured answer, its schema and its repairs come back from an archive, and from an export', async () => {
    const key = newKey();
    const output = { schema: { type: 'object', properties: { a: { type: 'integer' } } } };
    const { runId } = await send(db(), key, { id: 'm1', content: 'hello', output });
    const rejected = { feedback: 'wrong', repair: 1 };
    for (const [text, more] of [
      ['no JSON', { completes: false }],
      ['{"a":1}', { object: { a: 1 }, completes: true }],
    ] as const) {
      const { step, attempt, throughSeq } = await beginModel(db(), key, runId);
      const reply = { text, reasoning: '', finish: 'stop', usage: null, model: 'm' } as const;
      await commitStep(db(), key, {
        runId,
        step,
        attempt,
        throughSeq,
        toolCalls: [],
        firstTokenMs: null,
        durationMs: 1,
        ...more,
        reply: more.completes ? reply : { ...reply, rejected },
      });
    }
    const before = { events: await eventsOf(db(), key), run: await readRun(db(), key, runId) };
    expect(before.run).toMatchObject({ output: '{"a":1}', object: { a: 1 } });
    expect(before.events).toMatchObject([{}, { output }, {}, { rejected }, {}, { object: { a: 1 } }]);
    const copy = newKey();
    await importDocument(db(), copy, await exportOf(db(), key));
    expect(await readRun(db(), copy, runId)).toMatchObject({ object: { a: 1 } });
    const imported = (await eventsOf(db(), copy)).slice(0, before.events.length);
    expect(imported).toEqual(before.events.map((event) => ({ ...event, sessionId: copy.session })));

    await archiveSession(db(), key);
    await send(db(), key, { id: 'next', content: 'again' });
    expect(await readRun(db(), key, runId)).toEqual(before.run);
    expect((await eventsOf(db(), key)).slice(0, before.events.length)).toEqual(before.events);
  });

  test('an archive is restored whatever this version would refuse in the agents that its runs have pinned', async () => {
    const key = newKey();
    const runId = await converse(db(), key, 'm1', 'hello');
    const hash = randomUUID();
    const agent = { name: 'assistant', setting: 'of another version' };
    await db().query('INSERT INTO perdure.agent_versions (hash, spec, tools) VALUES ($1, $2, $3)', [
      hash,
      JSON.stringify(agent),
      JSON.stringify([{ name: 'pay', approval: 'always', later: true }]),
    ]);
    await db().query('UPDATE perdure.runs SET agent_version = $3 WHERE user_id = $1 AND session_id = $2', [
      key.user,
      key.session,
      hash,
    ]);
    await archiveSession(db(), key);
    await restoreSession(db(), key, sessionLimits(undefined));
    expect(await readRun(db(), key, runId)).toMatchObject({ status: 'completed', agentVersion: hash });
  });

  test('a message id from before the archive finds its first receipt', async () => {
    const { key } = await talked();
    const [first] = await db().query<{ message_id: string; receipt: object }>(
      `SELECT message_id, receipt FROM perdure.messages WHERE session_id = $1`,
      [key.session],
    );
    const content = (await eventsOf(db(), key)).find((event) => event.type === 'message.received')?.content ?? '';
    await archiveSession(db(), key);
    const again = await send(db(), key, { id: first?.message_id ?? '', content });
    expect(again).toMatchObject({ duplicate: true, receipt: first?.receipt });
  });

  test('a refused message leaves an archived session in its archive', async () => {
    const { key } = await talked();
    await archiveSession(db(), key);
    const content = 'x'.repeat(LIMITS.messageBytes.value + 1);
    const request = { ...REQUEST, messages: [{ id: 'large', content }] };
    const { session, results, events } = await commitAdmissions(db(), key, request);
    expect(session).toMatchObject({ status: 'archived' });
    expect(results).toMatchObject([{ ok: false, code: 'too_large' }]);
    expect(events).toEqual([]);
    expect(await readSession(db(), key)).toMatchObject({ status: 'archived' });
    expect(await rowsLeft(db(), key)).toEqual([{ n: 1 }]);

    const conflict = { ...REQUEST, messages: [{ id: 'm1', content: 'another body' }] };
    expect((await commitAdmissions(db(), key, conflict)).results).toMatchObject([{ code: 'idempotency_conflict' }]);
    expect(await rowsLeft(db(), key)).toEqual([{ n: 1 }]);
  });

  test('a session is restored without a message, once', async () => {
    const { key, runId } = await talked();
    const before = { events: await eventsOf(db(), key), run: await readRun(db(), key, runId) };
    await archiveSession(db(), key);
    const limits = sessionLimits();
    const restored = await restoreSession(db(), key, limits);
    expect(restored).toMatchObject({ agent: 'assistant', events: [{ type: 'session.recovered', reason: 'restored' }] });
    expect((await restoreSession(db(), key, limits)).events).toEqual([]);
    expect(await readSession(db(), key)).toMatchObject({ status: 'active', messages: 1 });
    expect((await eventsOf(db(), key)).slice(0, before.events.length)).toEqual(before.events);
    expect(await readRun(db(), key, runId)).toEqual(before.run);
    expect(await db().query(`SELECT 1 FROM perdure.archives WHERE session_id = $1`, [key.session])).toEqual([]);
  });

  test('archiving twice is archiving once, and what changes meanwhile is kept', async () => {
    const { key } = await talked();
    await archiveSession(db(), key);
    await patchSession(db(), key, { metadata: { plan: 'silver' } });
    expect((await archiveSession(db(), key)).events).toEqual([]);
    const { session, tables } = await exportOf(db(), key);
    expect(session).toMatchObject({ status: 'active', metadata: { plan: 'silver' } });
    expect(tables['events']).toHaveLength(session.head);
    await send(db(), key, { id: 'next', content: 'again' });
    const events = await eventsOf(db(), key);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  });

  test('an archive in a folder is one file, which goes when the session is restored or deleted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'perdure-archives-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const store: Db = { ...db(), archives: archiveFolder(folder) };
    const { key } = await talked();
    await archiveSession(store, key);
    expect(readdirSync(folder)).toHaveLength(1);
    await expect(send(db(), key, { id: 'a', content: 'a' })).rejects.toMatchObject({ code: 'store_unavailable' });
    await send(store, key, { id: 'a', content: 'a' });
    expect(readdirSync(folder)).toEqual([]);
    await archiveSession(store, key);
    await deleteSession(store, key);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a small session is deleted and a larger one archived, as the policy says', async () => {
    const { key } = await talked();
    expect(await removeSession(db(), key, over(0))).toMatchObject({ done: 'archived' });
    expect(await removeSession(db(), key, over(100))).toEqual({ done: 'deleted', events: [] });
    expect(await readSession(db(), key)).toBeNull();
    expect(await removeSession(db(), key, over(0))).toEqual({ done: null, events: [] });
  });

  test('a session goes on elsewhere as another user’s, from its document', async () => {
    const { key, runId } = await talked();
    const document = JSON.parse(JSON.stringify(await exportOf(db(), key)));
    const there = { user: 'bob', session: newKey().session };
    const { events } = await importDocument(db(), there, document);
    expect(events).toMatchObject([{ type: 'session.recovered', reason: 'imported' }]);
    const copied = await eventsOf(db(), there);
    expect(copied.slice(0, -1)).toEqual(
      (await eventsOf(db(), key)).map((event) => ({ ...event, sessionId: there.session })),
    );
    expect(await readRun(db(), there, runId)).toEqual(await readRun(db(), key, runId));
    expect(await readSession(db(), there)).toMatchObject({ user: 'bob', status: 'active', metadata: { plan: 'gold' } });
    await send(db(), there, { id: 'next', content: 'again' });
    await expect(importDocument(db(), there, document)).rejects.toMatchObject({ code: 'already_exists' });
  });

  test('a run that was open is cancelled in the copy and goes on in the original', async () => {
    const key = newKey();
    const { runId } = await send(db(), key, { id: 'm1', content: 'hello' });
    const there = newKey('bob');
    const { events } = await importDocument(db(), there, await exportOf(db(), key));
    expect(events.map(({ type }) => type)).toEqual(['run.cancelled', 'session.recovered']);
    expect(await readRun(db(), there, runId)).toMatchObject({ status: 'cancelled' });
    expect(await readRun(db(), key, runId)).toMatchObject({ status: 'queued' });
  });

  test('a document that does not hold together is refused, and leaves nothing', async () => {
    const { key } = await talked();
    const good = await exportOf(db(), key);
    const there = newKey('eve');
    const [first, ...rest] = good.tables['events'] ?? [];
    const hash = 'f'.repeat(64);
    const bad = [
      { ...good, session: { ...good.session, head: 99 } },
      { ...good, tables: { ...good.tables, events: [...rest, first ?? {}] } },
      { ...good, tables: { ...good.tables, runs: [{ run_id: 'x' }] } },
      { ...good, agentVersions: [{ hash, spec: { name: 'evil', instructions: 'Obey.' }, tools: [] }] },
    ];
    for (const document of bad) {
      await expect(importDocument(db(), there, document)).rejects.toMatchObject({ code: 'invalid_request' });
    }
    expect(await readSession(db(), there)).toBeNull();
  });
});
