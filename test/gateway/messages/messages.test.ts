import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { appendRefusals } from '../../../store/admission/append-refusals.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { json, readFrames, sessionPath, startGateway } from '../start-gateway.ts';

const database = embeddedDatabase();

describe('messages', () => {
  test('are answered with a receipt, the same one for the same id', async () => {
    const { call } = startGateway(database.db);
    const path = sessionPath(randomUUID(), 'messages');
    const first = await call('POST', path, { id: 'm1', content: 'hi' });
    expect(first.status).toBe(202);
    const receipt = await json(first);
    expect(receipt).toMatchObject({ messageId: 'm1', disposition: 'started', position: 0 });
    expect(await json(await call('POST', path, { content: 'hi' }, { 'idempotency-key': '"m1"' }))).toEqual(receipt);
    const other = await call('POST', path, { id: 'm1', content: 'something else' });
    expect(await json(other)).toMatchObject({ status: 422, code: 'idempotency_conflict' });
    const both = await call('POST', path, { id: 'm1', content: 'hi' }, { 'idempotency-key': 'm2' });
    expect(await json(both)).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  test('are waited for with Prefer: wait', async () => {
    const { call, sender } = startGateway(database.db);
    const id = randomUUID();
    sender.onWake = (key, { runId }) => void sender.answer(key, runId, 'forty-two');
    const headers = { prefer: 'respond-async, wait=30' };
    const answered = await call('POST', sessionPath(id, 'messages'), { id: 'm', content: 'six by seven?' }, headers);
    expect(answered.status).toBe(200);
    const body = await json(answered);
    expect(body).toMatchObject({
      receipt: { messageId: 'm' },
      answer: 'forty-two',
      usage: { inputTokens: 3, cachedTokens: null },
      run: { status: 'completed' },
    });
    expect(await json(await call('GET', sessionPath(id, 'messages', 'm')))).toEqual(body);
    // A repeat: the answer exists already.
    sender.onWake = undefined;
    const again = await call('POST', sessionPath(id, 'messages'), { id: 'm', content: 'six by seven?' }, headers);
    expect(await json(again)).toEqual(body);
  });

  test('are answered with the receipt when the time is over first', async () => {
    const { call } = startGateway(database.db);
    const late = await call('POST', sessionPath(randomUUID(), 'messages'), { content: 'hi' }, { prefer: 'wait=1' });
    expect(late.status).toBe(202);
    expect(await json(late)).toMatchObject({ disposition: 'started' });
  });

  test('are waited for though their notifications are lost', async () => {
    const { call, sender, live } = startGateway(database.db);
    live.publish = () => undefined;
    sender.onWake = (key, { runId }) => void sender.answer(key, runId, 'found');
    const answered = await call('POST', sessionPath(randomUUID(), 'messages'), { content: '?' }, { prefer: 'wait=30' });
    expect(await json(answered)).toMatchObject({ answer: 'found' });
  });

  test('are answered with the events of their run as a stream, which then ends', async () => {
    const { call, sender } = startGateway(database.db);
    const id = randomUUID();
    const earlier = await json(await call('POST', sessionPath(id, 'messages'), { content: 'earlier' }));
    await sender.answer({ user: 'local', session: id }, earlier.runId, 'before');
    sender.onWake = (key, { runId }) => void sender.answer(key, runId, 'hello');
    const headers = { accept: 'text/event-stream' };
    const response = await call('POST', sessionPath(id, 'messages'), { id: 'm', content: 'hi' }, headers);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const frames = await readFrames(response);
    expect(frames.map(({ event }) => event)).toEqual([
      'message.received',
      'run.started',
      'message.delta',
      'message.delta',
      'message.completed',
      'run.completed',
    ]);
    for (const { id: frameId, data } of frames) expect(frameId).toBe('seq' in data ? String(data.seq) : undefined);
    // A repeat: the same durable events.
    sender.onWake = undefined;
    const again = await readFrames(
      await call('POST', sessionPath(id, 'messages'), { id: 'm', content: 'hi' }, headers),
    );
    expect(again).toEqual(frames.filter(({ data }) => 'seq' in data));
  });

  test('have a run at once, also while no worker polls', async () => {
    const { call, sender } = startGateway(database.db);
    sender.noWorker = true;
    const id = randomUUID();
    const admitted = await call('POST', sessionPath(id, 'messages'), { id: 'm', content: 'hi' }, { prefer: 'wait=1' });
    expect(admitted.status).toBe(202);
    const receipt = await json(admitted);
    expect(receipt).toMatchObject({ disposition: 'started', runId: expect.any(String), position: 0 });
    const second = await json(await call('POST', sessionPath(id, 'messages'), { content: 'and' }));
    expect(second).toMatchObject({ disposition: 'queued', position: 1 });
    const outcome = await json(await call('GET', sessionPath(id, 'messages', 'm')));
    expect(outcome).toMatchObject({ receipt, status: 'queued', answer: null, run: { id: receipt.runId } });
    const why = await json(await call('GET', sessionPath(id, 'why')));
    expect(why).toMatchObject({ status: 'active', workers: 0, waitingFor: { what: 'worker' } });
  });

  test('that a Temporal client has sent wait for a worker, which their outcome and their session report', async () => {
    const { call, sender } = startGateway(database.db);
    sender.noWorker = true;
    const id = randomUUID();
    sender.accepted.set(id, ['m']);
    const outcome = await call('GET', sessionPath(id, 'messages', 'm'));
    expect(await json(outcome)).toEqual({
      receipt: { messageId: 'm', runId: null, disposition: 'accepted', position: null },
      status: 'waiting',
      refusal: null,
      answer: null,
      usage: null,
      run: null,
    });
    expect((await call('GET', sessionPath(id, 'messages', 'other'))).status).toBe(404);
    const session = await call('GET', sessionPath(id));
    expect(await json(session)).toMatchObject({
      status: 404,
      detail: expect.stringContaining(
        `The session ${id} does not exist yet: one accepted message waits for a worker, since 2026-01-01T00:00:00.000Z. No worker is polling`,
      ),
    });
    const why = await call('GET', sessionPath(id, 'why'));
    expect(await json(why)).toMatchObject({ status: null, pending: 1, workers: 0, waitingFor: { what: 'worker' } });
  });

  test('that a Temporal client has sent and a worker has refused have the refusal as their outcome, without a session too', async () => {
    const { db } = database;
    const { call } = startGateway(db);
    const key = { user: 'local', session: randomUUID() };
    const refusal = { messageId: 'm', code: 'invalid_request', detail: 'There is no agent "nobody".', dedupe: 'one' };
    await appendRefusals(db, key, [refusal]);
    const outcome = await call('GET', sessionPath(key.session, 'messages', 'm'));
    expect(await json(outcome)).toMatchObject({
      status: 'refused',
      refusal: { code: 'invalid_request', detail: refusal.detail, at: expect.any(String) },
      run: null,
    });
  });

  test('are not said to be unknown while Temporal, where they may wait, does not respond', async () => {
    const { call, sender } = startGateway(database.db);
    sender.temporal = null;
    const outcome = await call('GET', sessionPath(randomUUID(), 'messages', 'm'));
    expect(await json(outcome)).toMatchObject({ status: 503, code: 'temporal_unavailable' });
  });
});
