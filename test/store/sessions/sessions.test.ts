import { expect, test } from 'vitest';
import { LIMITS } from '../../../contracts/limits.ts';
import { eventSchema } from '../../../contracts/events/event.ts';
import { runDetailSchema } from '../../../contracts/session/run.ts';
import { sessionRecordSchema, sessionSnapshotSchema } from '../../../contracts/session/session.ts';
import { listAllSessions } from '../../../store/admin/reports/list-all-sessions.ts';
import { readAgentVersion, saveAgentVersion } from '../../../store/runs/agent-versions.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import type { Db } from '../../../store/db/db.ts';
import { commitSessionEnd } from '../../../store/sessions/commit-session-end.ts';
import { listRuns } from '../../../store/read/list-runs.ts';
import { listSessions } from '../../../store/read/lists/list-sessions.ts';
import { getOrCreateSession } from '../../../store/sessions/get-or-create-session.ts';
import { readContext } from '../../../store/read/read-context.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { readHead } from '../../../store/read/read-head.ts';
import { readMessage } from '../../../store/read/read-message.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { readSnapshot } from '../../../store/read/read-snapshot.ts';
import { appendRefusals } from '../../../store/admission/append-refusals.ts';
import { patchSession } from '../../../store/sessions/patch-session.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { beginModel, call, converse, newKey, replyTo, send, nextMillisecond } from '../conversation.ts';

const OPEN = { agent: 'assistant', kind: 'session', execution: null } as const;

const LIFETIME = () => ({ idleTimeoutMs: 60_000, maxAgeMs: 120_000 });

describeStores(DATABASES, (db) => {
  test('opening a session twice finds the first one as it is', async () => {
    const key = newKey();
    const opened = await getOrCreateSession(db(), key, {
      ...OPEN,
      metadata: { colour: 'red' },
      policy: { maxSteps: 3 },
    });
    expect(opened).toMatchObject({ created: true, session: { status: 'active', agent: 'assistant' }, openRuns: null });
    const again = await getOrCreateSession(db(), key, { ...OPEN, agent: 'other', metadata: { colour: 'blue' } });
    const { at: _at, ...session } = opened.session;
    expect(again).toMatchObject({ created: false, session, openRuns: null, events: [] });
    expect(await readSession(db(), key)).toMatchObject({
      metadata: { colour: 'red' },
      policy: { maxSteps: 3 },
      head: 1,
    });
  });

  test('an update merges key by key, null removes, and a repeat changes nothing', async () => {
    const key = newKey();
    await getOrCreateSession(db(), key, { ...OPEN, metadata: { a: 1, b: 2 } });
    const update = { metadata: { a: null, c: [3] }, state: { x: { y: 1 } }, policy: { maxSteps: 2 } };
    const { events } = await patchSession(db(), key, update);
    expect(events).toMatchObject([{ type: 'session.updated', ...update, namespaces: ['x'] }]);
    expect((await patchSession(db(), key, update)).events).toEqual([]);
    expect(await readSession(db(), key)).toMatchObject({
      metadata: { b: 2, c: [3] },
      state: { x: { y: 1 } },
      policy: { maxSteps: 2 },
    });
    expect(await readSession(db(), key)).not.toHaveProperty('metadata.a');
  });

  test('metadata and state have limits', async () => {
    const key = newKey();
    const metadata = { a: 'x'.repeat(LIMITS.metadataBytes.value) };
    await expect(getOrCreateSession(db(), key, { ...OPEN, metadata })).rejects.toMatchObject({ code: 'too_large' });
    await getOrCreateSession(db(), key, OPEN);
    await expect(patchSession(db(), key, { metadata })).rejects.toMatchObject({ code: 'too_large' });
    await expect(patchSession(db(), newKey(), { metadata: {} })).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a refusal is recorded once for each delivery, and only in a session that exists', async () => {
    const key = newKey();
    const refusal = { messageId: null, code: 'invalid_request', detail: 'not JSON', dedupe: 'd1' };
    expect(await appendRefusals(db(), key, [refusal])).toEqual({ events: [] });
    await getOrCreateSession(db(), key, OPEN);
    expect((await appendRefusals(db(), key, [refusal])).events).toHaveLength(1);
    expect((await appendRefusals(db(), key, [refusal])).events).toHaveLength(0);
    expect(await readHead(db(), key)).toBe(2);

    let transactions = 0;
    const counting: Db = { ...db(), transaction: (work) => ((transactions += 1), db().transaction(work)) };
    const batch = Array.from({ length: 200 }, (_, index) => ({ ...refusal, dedupe: `d${index}` }));
    expect((await appendRefusals(counting, key, batch)).events).toHaveLength(199);
    expect(transactions).toBe(1);
  });

  test('records and events have the shapes that the contracts say', async () => {
    const key = newKey();
    const { runId } = await send(db(), key, { id: 'm1', content: 'hi' });
    await commitStep(
      db(),
      key,
      replyTo(runId, await beginModel(db(), key, runId), { toolCalls: [call('c1', { inPlace: true })] }),
    );
    sessionRecordSchema.parse(await readSession(db(), key));
    sessionSnapshotSchema.omit({ children: true }).parse(await readSnapshot(db(), key, LIFETIME));
    runDetailSchema.parse(await readRun(db(), key, runId));
    await commitSessionEnd(db(), key, { status: 'failed', reason: 'x' });
    for (const event of (await readEvents(db(), key, { after: 0, limit: 100 })).events) {
      expect(eventSchema.parse(event)).toEqual(event);
    }
  });

  test('a completed session stays completed when it is ended as failed', async () => {
    const key = newKey();
    await send(db(), key, { id: 'm1', content: 'hi' });
    await commitSessionEnd(db(), key, { status: 'completed', reason: 'done' });
    await expect(commitSessionEnd(db(), key, { status: 'failed', reason: null })).rejects.toMatchObject({
      code: 'session_ended',
    });
    expect((await commitSessionEnd(db(), key, { status: 'completed', reason: null })).events).toEqual([]);
    expect(await readSession(db(), key)).toMatchObject({ status: 'completed', endReason: 'done' });
  });

  test('a failed session can be ended as completed', async () => {
    const key = newKey();
    await send(db(), key, { id: 'm1', content: 'hi' });
    await commitSessionEnd(db(), key, { status: 'failed', reason: null });
    await commitSessionEnd(db(), key, { status: 'completed', reason: null });
    expect(await readSession(db(), key)).toMatchObject({ status: 'completed' });
  });

  test('a snapshot says what a session waits for', async () => {
    const key = newKey();
    const waitingFor = async () => (await readSnapshot(db(), key, LIFETIME))?.waitingFor.what;
    await getOrCreateSession(db(), key, OPEN);
    expect(await waitingFor()).toBe('message');
    const { runId } = await send(db(), key, { id: 'm1', content: '1' });
    expect(await waitingFor()).toBe('worker');
    const position = await beginModel(db(), key, runId);
    expect(await waitingFor()).toBe('model');
    const next = await send(db(), key, { id: 'm2', content: '2' });
    await commitStep(db(), key, replyTo(runId, position, { toolCalls: [call('c1')] }));
    expect(await readSnapshot(db(), key, LIFETIME)).toMatchObject({
      queue: [next.runId],
      currentRun: { id: runId, status: 'running', steps: 1 },
      waitingFor: { what: 'tool', who: 'clock' },
    });
    await commitSessionEnd(db(), key, { status: 'completed', reason: null });
    expect(await waitingFor()).toBe('nothing');
  });

  test("a user's sessions are listed newest activity first, page by page, and nobody else's", async () => {
    const user = `user ${newKey().session}`;
    const ids = ['a', 'b', 'c', 'd', 'e'];
    for (const session of ids) {
      await getOrCreateSession(
        db(),
        { user, session },
        { ...OPEN, metadata: { place: session < 'c' ? 'here' : 'there', n: 1 } },
      );
    }
    // Sessions active in the same millisecond are ordered by descending id.
    await nextMillisecond(db());
    await send(db(), { user, session: 'b' }, { id: 'm', content: 'x' });
    await send(db(), { user, session: 'run' }, { id: 'm', content: 'x' }, { kind: 'run' });
    await commitSessionEnd(db(), { user, session: 'e' }, { status: 'failed', reason: null });
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listSessions(db(), user, { limit: 2, cursor });
      seen.push(...page.data.map((session) => session.id));
      cursor = page.nextCursor ?? undefined;
    } while (cursor);
    expect(seen[0]).toBe('b');
    expect(seen.toSorted()).toEqual(ids);
    const found = async (filter: object) =>
      (await listSessions(db(), user, { limit: 9, ...filter })).data.map(({ id }) => id).toSorted();
    expect(await found({ metadata: { place: 'here', n: '1' } })).toEqual(['a', 'b']);
    expect(await found({ status: 'failed' })).toEqual(['e']);
    expect(await found({ agent: 'nobody' })).toEqual([]);
    expect(await found({ activeSince: '2999-01-01T00:00:00Z' })).toEqual([]);
    expect((await listSessions(db(), `${user}x`, { limit: 9 })).data).toEqual([]);
    expect((await listAllSessions(db(), { user, limit: 9 })).data).toHaveLength(5);
    await expect(listSessions(db(), user, { limit: 9, cursor: 'x' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  test('runs and events are read page by page', async () => {
    const key = newKey();
    const runs = [await converse(db(), key, 'm1'), await converse(db(), key, 'm2'), await converse(db(), key, 'm3')];
    const first = await listRuns(db(), key, { limit: 2 });
    expect(first.data.map((run) => run.id)).toEqual([runs[2], runs[1]]);
    const second = await listRuns(db(), key, { limit: 2, cursor: first.nextCursor ?? '' });
    expect(second).toMatchObject({ data: [{ id: runs[0], messageIds: ['m1'] }], nextCursor: null });
    const page = await readEvents(db(), key, { after: 2, limit: 3 });
    expect(page.events.map((event) => event.seq)).toEqual([3, 4, 5]);
    expect(page.next).toBe(5);
    expect(await readEvents(db(), key, { after: 99, limit: 3 })).toEqual({ events: [], next: 99, more: false });
    expect(await readMessage(db(), key, 'm2')).toMatchObject({
      receipt: { runId: runs[1] },
      run: { status: 'completed' },
    });
  });

  test('the context of a model call is the newest runs in the order of their starts', async () => {
    const key = newKey();
    await converse(db(), key, 'm1');
    await converse(db(), key, 'm2');
    const waiting = await send(db(), key, { id: 'm3', content: 'm3' });
    const urgent = await send(db(), key, { id: 'm4', content: 'm4' });
    await commitStep(
      db(),
      key,
      replyTo(urgent.runId, await beginModel(db(), key, urgent.runId), { text: 'answer to m4' }),
    );
    const { throughSeq } = await beginModel(db(), key, waiting.runId);
    await send(db(), key, { id: 'm5', content: 'm5', whileRunning: 'steer' });
    const told = async (runs: number, through: number) =>
      (await readContext(db(), key, { runId: waiting.runId, runs, throughSeq: through })).runs
        .flatMap(({ events }) => events)
        .map((event) =>
          event.type === 'message.received'
            ? event.content
            : event.type === 'message.completed'
              ? event.text
              : event.type,
        );
    expect(await told(2, throughSeq)).toEqual(['m2', 'answer to m2', 'm4', 'answer to m4', 'm3']);
    expect(await told(0, throughSeq + 1)).toEqual(['m3', 'm5']);
    const bobs = await readContext(db(), { ...key, user: 'bob' }, { runId: waiting.runId, runs: 9, throughSeq: 99 });
    expect(bobs.runs).toEqual([]);
  });

  test('no read or write reaches the session of another user or of another id', async () => {
    const key = newKey();
    const runId = await converse(db(), key, 'm1');
    for (const other of [
      { ...key, user: 'bob' },
      { ...key, session: 'elsewhere' },
    ]) {
      expect(await readSession(db(), other)).toBeNull();
      expect(await readSnapshot(db(), other, LIFETIME)).toBeNull();
      expect(await readRun(db(), other, runId)).toBeNull();
      expect(await readMessage(db(), other, 'm1')).toBeNull();
      expect(await readHead(db(), other)).toBeNull();
      expect((await readEvents(db(), other, { after: 0, limit: 9 })).events).toEqual([]);
      expect((await listRuns(db(), other, { limit: 9 })).data).toEqual([]);
    }
  });

  test('an agent version is kept under its hash', async () => {
    const version = { hash: newKey().session, spec: { name: 'assistant', tools: ['b', 'a'] }, tools: [] };
    await saveAgentVersion(db(), version);
    await saveAgentVersion(db(), version);
    expect(await readAgentVersion(db(), version.hash)).toEqual(version);
    expect(await readAgentVersion(db(), 'no such hash')).toBeNull();
  });
});
