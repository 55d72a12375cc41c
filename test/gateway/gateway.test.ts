import { oneOffKey } from '../../client/temporal/one-off-key.ts';
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { appendRefusals } from '../../store/admission/append-refusals.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { json, readFrames, sessionPath, startGateway } from './start-gateway.ts';

const database = embeddedDatabase();

describe('sessions', () => {
  test('are created once, and then there', async () => {
    const { call } = startGateway(database.db);
    const id = randomUUID();
    const created = await call('POST', '/v1/sessions', { id, metadata: { topic: 'a' } });
    expect(created.status).toBe(201);
    expect(await json(created)).toMatchObject({ id, user: 'local', status: 'active', metadata: { topic: 'a' } });
    expect((await call('POST', '/v1/sessions', { id })).status).toBe(200);
    expect((await json(await call('GET', sessionPath(id)))).id).toBe(id);
  });

  test('are given an id when none is chosen', async () => {
    const { call } = startGateway(database.db);
    const { id } = await json(await call('POST', '/v1/sessions', {}));
    expect((await call('GET', sessionPath(id))).status).toBe(200);
  });

  test.each(['a:b', 'a/b', '50%', '%2F', 'a b', 'сессия', '会話', 'a?b#c', '😀', '+', '..%2f..'])(
    'may be called %j, by users who may be called so too',
    async (name) => {
      const { call } = startGateway(database.db);
      const headers = { 'perdure-user': encodeURIComponent(name) };
      expect((await call('POST', '/v1/sessions', { id: name }, headers)).status).toBe(201);
      expect(await json(await call('GET', sessionPath(name), undefined, headers))).toMatchObject({
        id: name,
        user: name,
      });
      const receipt = await call('POST', sessionPath(name, 'messages'), { content: 'hi' }, headers);
      expect(receipt.status).toBe(202);
    },
  );

  test('are listed by status and metadata, page by page', async () => {
    const { call } = startGateway(database.db);
    const headers = { 'perdure-user': randomUUID() };
    for (const id of ['a', 'b', 'c']) {
      await call('POST', '/v1/sessions', { id, metadata: { kind: id === 'c' ? 'other' : 'mine' } }, headers);
    }
    const first = await json(
      await call('GET', '/v1/sessions?metadata.kind=mine&status=active&limit=1', undefined, headers),
    );
    expect(first.data).toMatchObject([{ id: 'b' }]);
    const cursor = encodeURIComponent(first.nextCursor);
    const second = await json(
      await call('GET', `/v1/sessions?metadata.kind=mine&limit=1&cursor=${cursor}`, undefined, headers),
    );
    expect(second.data).toMatchObject([{ id: 'a' }]);
  });

  test.each([
    [{ n: 1 }, 'The field "state.n" of the body is not valid: must be an object, or null to remove the namespace'],
    [{ 'a b': {} }, 'The field "state.a b" of the body is not valid: a namespace is named by 1 to 64 letters'],
    [[], 'The field "state" of the body is not valid: must be an object of namespaces'],
  ])('reject the state %j with the reason', async (state, reason) => {
    const { call } = startGateway(database.db);
    const id = randomUUID();
    await call('POST', '/v1/sessions', { id });
    const refused = await call('PATCH', sessionPath(id), { state });
    expect(await refused.json()).toMatchObject({ status: 400, detail: expect.stringContaining(reason) });
  });

  test('are changed, ended and deleted', async () => {
    const { call, sender } = startGateway(database.db);
    const id = randomUUID();
    await call('POST', '/v1/sessions', { id, metadata: { a: 1, b: 2 } });
    const changed = await call('PATCH', sessionPath(id), {
      metadata: { a: null, c: [3] },
      state: { app: { on: true } },
    });
    expect(await json(changed)).toMatchObject({ metadata: { b: 2, c: [3] }, state: { app: { on: true } } });
    const ended = await call('POST', sessionPath(id, 'end'), { status: 'completed' });
    expect(await json(ended)).toMatchObject({ status: 'completed' });
    const refused = await call('POST', sessionPath(id, 'messages'), { content: 'too late' });
    expect(await json(refused)).toMatchObject({ status: 409, code: 'session_ended' });
    expect((await call('DELETE', sessionPath(id))).status).toBe(204);
    expect(sender.terminated).toEqual([{ user: 'local', session: id }]);
    expect((await call('GET', sessionPath(id))).status).toBe(404);
  });
});

describe('events', () => {
  test('are a stream that goes on after Last-Event-ID, at another gateway too', async () => {
    const [one, other] = [startGateway(database.db), startGateway(database.db)];
    const id = randomUUID();
    const { runId } = await json(await one.call('POST', sessionPath(id, 'messages'), { content: 'hi' }));
    await one.sender.answer({ user: 'local', session: id }, runId, 'hello');
    const whole = await readFrames(
      await one.call('GET', sessionPath(id, 'events')),
      ({ type }) => type === 'run.completed',
    );
    expect(whole.map(({ id: seq }) => seq)).toEqual(['1', '2', '3', '4', '5']);
    for (const [query, headers] of [
      ['after=1&lastEventId=2', { 'last-event-id': '3' }],
      ['after=1&lastEventId=3', {}],
      ['after=3', {}],
    ] as const) {
      const rest = await other.call('GET', `${sessionPath(id, 'events')}?${query}`, undefined, headers);
      expect(await readFrames(rest, ({ type }) => type === 'run.completed')).toEqual(whole.slice(3));
    }
  });

  test('are pages of JSON too', async () => {
    const { call } = startGateway(database.db);
    const id = randomUUID();
    await call('POST', sessionPath(id, 'messages'), { content: 'hi' });
    const accept = { accept: 'application/json' };
    const page = await json(await call('GET', `${sessionPath(id, 'events')}?limit=1`, undefined, accept));
    expect(page).toMatchObject({ events: [{ seq: 1, type: 'session.opened' }], next: 1 });
    const rest = await json(await call('GET', `${sessionPath(id, 'events')}?after=1`, undefined, accept));
    expect(rest).toMatchObject({ events: [{ seq: 2, type: 'message.received', content: 'hi' }], next: 2 });
  });

  test('give the transcript', async () => {
    const { call, sender } = startGateway(database.db);
    const id = randomUUID();
    const { runId } = await json(await call('POST', sessionPath(id, 'messages'), { content: 'hi' }));
    await sender.answer({ user: 'local', session: id }, runId, 'hello');
    expect(await json(await call('GET', sessionPath(id, 'transcript')))).toMatchObject({
      data: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: 'hello' },
      ],
      nextCursor: null,
    });
  });

  test('of a gateway that closes end', async () => {
    const { call, gateway } = startGateway(database.db);
    const id = randomUUID();
    await call('POST', '/v1/sessions', { id });
    const frames = readFrames(await call('GET', sessionPath(id, 'events')));
    await gateway.close();
    expect((await frames).length).toBeLessThanOrEqual(1);
  });
});

describe('runs', () => {
  test('are listed, read, cancelled and resumed', async () => {
    const { call } = startGateway(database.db);
    const id = randomUUID();
    const { runId } = await json(await call('POST', sessionPath(id, 'messages'), { content: 'hi' }));
    const run = sessionPath(id, 'runs', runId);
    expect(await json(await call('GET', sessionPath(id, 'runs')))).toMatchObject({ data: [{ id: runId }] });
    expect(await json(await call('POST', `${run}/cancel`))).toEqual({ runId });
    expect(await json(await call('GET', run))).toMatchObject({ id: runId, status: 'cancelled', stepList: [] });
    expect(await json(await call('POST', `${run}/resume`, {}))).toMatchObject({ id: runId, status: 'queued' });
    const unknown = await call('POST', sessionPath(id, 'runs', 'nope', 'cancel'));
    expect(await json(unknown)).toMatchObject({ status: 404, code: 'not_found' });
  });

  test('go without a session', async () => {
    const { call, sender } = startGateway(database.db);
    sender.onWake = (key, { runId }) => void sender.answer(key, runId, 'once');
    const input = { id: randomUUID(), agent: 'assistant', content: 'hi' };
    const answered = await json(await call('POST', '/v1/runs', input, { prefer: 'wait=30' }));
    expect(answered).toMatchObject({ answer: 'once' });
    const { runId } = answered.receipt;
    expect(await json(await call('GET', `/v1/runs/${runId}`))).toMatchObject({ id: runId, output: 'once' });
    const frames = await readFrames(await call('GET', `/v1/runs/${runId}/events`));
    expect(frames.at(-1)?.event).toBe('run.completed');
    // A repeat: no second run.
    sender.onWake = undefined;
    expect((await json(await call('POST', '/v1/runs', input, { prefer: 'wait=30' }))).receipt).toMatchObject({ runId });
    expect((await call('GET', '/v1/runs/nope')).status).toBe(404);
  });

  test('that no worker has admitted are found by the id of their receipt, unless Temporal does not respond', async () => {
    const { call, sender } = startGateway(database.db);
    // As a Temporal client has sent it.
    const messageId = randomUUID();
    const { session: runId } = oneOffKey('local', messageId);
    sender.accepted.set(runId, [messageId]);
    const receipt = { messageId, runId, disposition: 'accepted', position: null };
    const path = `/v1/runs/${runId}`;
    expect(await json(await call('GET', path))).toMatchObject({ receipt, status: 'waiting', run: null });
    sender.temporal = null;
    expect(await json(await call('GET', path))).toMatchObject({ status: 503, code: 'temporal_unavailable' });
    // Another message under the id of a run is not the run's.
    const key = { user: 'local', session: runId };
    await appendRefusals(database.db, key, [{ messageId: 'other', code: 'internal', detail: 'No.', dedupe: 'one' }]);
    sender.temporal = new Map();
    expect(await json(await call('GET', path))).toMatchObject({ status: 'waiting' });
  });
});

test('agents are listed, and each can be read', async () => {
  const { call } = startGateway(database.db);
  expect(await json(await call('GET', '/v1/agents'))).toMatchObject({
    data: [{ name: 'assistant' }],
    nextCursor: null,
  });
  expect(await json(await call('GET', '/v1/agents/assistant'))).toMatchObject({ hash: 'v1', tools: [] });
  expect(await json(await call('GET', '/v1/agents/nobody'))).toMatchObject({
    status: 404,
    detail: expect.stringContaining('assistant'),
  });
});

test('health, readiness and metrics need no authentication', async () => {
  const { call, live } = startGateway(database.db, { tokens: 'secret=ann' });
  expect((await call('GET', '/healthz')).status).toBe(200);
  expect(await json(await call('GET', '/readyz'))).toMatchObject({ status: 'ready' });
  live.ready = async () => false;
  const unready = await call('GET', '/readyz');
  expect(unready.status).toBe(503);
  expect(await json(unready)).toMatchObject({ checks: { store: true, temporal: true, live: false } });
  const metrics = await (await call('GET', '/metrics')).text();
  expect(metrics).toMatch(/^perdure_gateway_open_streams 0$/m);
  expect(metrics).toMatch(/^perdure_gateway_answers_total\{status="200"\} 2$/m);
});
