import { once } from 'node:events';
import { createConnection } from 'node:net';
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { LIMITS } from '../../contracts/limits.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import { createInProcessLive } from '../../live/in-process.ts';
import type { LiveChannel } from '../../live/live-channel.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { readFrames, servedGateway, sessionPath, startGateway, type TestGateway } from './start-gateway.ts';

const database = embeddedDatabase();
const LARGE = 'x'.repeat(200_000);

async function openStreams({ call }: TestGateway): Promise<number> {
  const text = await (await call('GET', '/metrics')).text();
  return Number(/^perdure_gateway_open_streams (\d+)$/m.exec(text)?.[1]);
}

async function sendMessages({ call }: TestGateway, id: string, contents: readonly string[]): Promise<void> {
  for (const content of contents)
    expect((await call('POST', sessionPath(id, 'messages'), { content })).status).toBe(202);
}

test('HEAD has the headers of GET and opens no stream', async () => {
  const gateway = await servedGateway(database.db);
  const id = randomUUID();
  const { runId } = (await (await gateway.call('POST', '/v1/runs', { content: 'hi' })).json()) as { runId: string };
  await gateway.call('POST', '/v1/sessions', { id });
  for (const path of [sessionPath(id, 'events'), `/v1/runs/${runId}/events`]) {
    const response = await fetch(`${gateway.url}${path}`, { method: 'HEAD' });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  }
  expect((await fetch(`${gateway.url}${sessionPath('absent', 'events')}`, { method: 'HEAD' })).status).toBe(404);
  expect(await openStreams(gateway)).toBe(0);
});

test('a stream opens its reader when its body is read, not before', async () => {
  const live = createInProcessLive();
  const id = randomUUID();
  let subscriptions = 0;
  const counting: LiveChannel = {
    ...live,
    subscribe: async (key, listener) => {
      if (key.session === id) subscriptions += 1;
      return await live.subscribe(key, listener);
    },
  };
  const gateway = startGateway(database.db, { live: counting });
  await sendMessages(gateway, id, ['hi']);
  const response = await gateway.call('GET', sessionPath(id, 'events'));
  await new Promise((resolve) => void setImmediate(resolve));
  expect(subscriptions).toBe(0);
  await readFrames(response, ({ type }) => type === 'message.received');
  expect(subscriptions).toBe(1);
});

test('the stream of a message whose body nobody reads is closed', async () => {
  const gateway = startGateway(database.db, { deployment: { limits: { stalledStreamMs: 50 } } });
  await gateway.call('POST', sessionPath(randomUUID(), 'messages'), { content: 'hi' }, { accept: 'text/event-stream' });
  await expect.poll(async () => openStreams(gateway)).toBe(0);
});

test('a caller that does not read is disconnected, and one that waits for events is not', async () => {
  const gateway = await servedGateway(database.db, { deployment: { limits: { stalledStreamMs: 200 } } });
  const id = randomUUID();
  await sendMessages(gateway, id, Array<string>(50).fill(LARGE));
  const waiting = readFrames(await fetch(`${gateway.url}${sessionPath(id, 'events')}?after=51`));
  const socket = createConnection(Number(new URL(gateway.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(`GET ${sessionPath(id, 'events')} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  await expect.poll(async () => openStreams(gateway)).toBe(2);
  await expect.poll(async () => openStreams(gateway)).toBe(1);
  socket.resume();
  await once(socket, 'close');
  await gateway.call('POST', sessionPath(id, 'end'), {});
  await gateway.gateway.close();
  expect((await waiting).map(({ event }) => event)).toContain('session.ended');
});

test('a page of events ends once it is large, with at least one event, and the next one continues it', async () => {
  const gateway = startGateway(database.db);
  const id = randomUUID();
  await sendMessages(gateway, id, Array<string>(6).fill(LARGE));
  const seqs: number[] = [];
  for (let after = 0; ;) {
    const path = `${sessionPath(id, 'events')}?limit=1000&after=${after}`;
    const response = await gateway.call('GET', path, undefined, { accept: 'application/json' });
    const text = await response.text();
    const { events, next } = JSON.parse(text) as { events: PerdureEvent[]; next: number };
    expect(text.length).toBeLessThan(LIMITS.eventPageBytes.value + LARGE.length + 10_000);
    if (events.length === 0) break;
    seqs.push(...events.map(({ seq }) => seq));
    after = next;
  }
  expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7]);
  const frames = await readFrames(
    await gateway.call('GET', sessionPath(id, 'events')),
    (it) => 'seq' in it && it.seq === 7,
  );
  expect(frames.map(({ id: seq }) => Number(seq))).toEqual(seqs);
});

test('after beyond the newest event is the same error for a page as for a stream', async () => {
  const { call } = startGateway(database.db);
  const id = randomUUID();
  await call('POST', '/v1/sessions', { id });
  for (const accept of ['application/json', 'text/event-stream']) {
    const response = await call('GET', `${sessionPath(id, 'events')}?after=99`, undefined, { accept });
    expect(await response.json()).toMatchObject({
      code: 'invalid_request',
      detail: expect.stringContaining('event 99'),
    });
  }
  const atHead = await call('GET', `${sessionPath(id, 'events')}?after=1`, undefined, { accept: 'application/json' });
  expect(await atHead.json()).toEqual({ events: [], next: 1 });
});

test('a stream of one run starts at its message and ends with it; beyond its end there is nothing', async () => {
  const { call, sender } = startGateway(database.db);
  const id = randomUUID();
  const key = { user: 'local', session: id };
  const receipts = [];
  for (const content of ['one', 'two', 'three']) {
    const receipt = (await (await call('POST', sessionPath(id, 'messages'), { content })).json()) as {
      runId: string;
      seq: number;
    };
    await sender.answer(key, receipt.runId, `answer to ${content}`);
    receipts.push(receipt);
  }
  const [, second] = receipts;
  if (second === undefined) throw new Error('No second receipt.');
  const path = `${sessionPath(id, 'events')}?run=${second.runId}`;
  const frames = await readFrames(await call('GET', path));
  expect(frames.map(({ event }) => event)).toEqual([
    'message.received',
    'run.started',
    'message.completed',
    'run.completed',
  ]);
  expect(frames[0]?.id).toBe(String(second.seq));
  const end = String(frames.at(-1)?.id);
  expect((await call('GET', path, undefined, { 'last-event-id': end })).status).toBe(204);
  expect((await call('GET', path, undefined, { 'last-event-id': String(second.seq) })).status).toBe(200);
  const page = await call('GET', path, undefined, { accept: 'application/json' });
  expect(((await page.json()) as { events: PerdureEvent[] }).events.map(({ type }) => type)).toEqual(
    frames.map(({ event }) => event),
  );
  expect((await call('GET', `${sessionPath(id, 'events')}?run=nope`)).status).toBe(404);
});

test('a stream of a one-off run from its end on is a 204', async () => {
  const { call, sender } = startGateway(database.db);
  sender.onWake = (key, { runId }) => void sender.answer(key, runId, 'once');
  const { receipt } = (await (await call('POST', '/v1/runs', { content: 'hi' }, { prefer: 'wait=30' })).json()) as {
    receipt: { runId: string };
  };
  const frames = await readFrames(await call('GET', `/v1/runs/${receipt.runId}/events`));
  const end = String(frames.at(-1)?.id);
  expect((await call('GET', `/v1/runs/${receipt.runId}/events?after=${end}`)).status).toBe(204);
});

test('a stream may wait for its session', async () => {
  const { call } = startGateway(database.db);
  const id = randomUUID();
  expect((await call('GET', sessionPath(id, 'events'))).status).toBe(404);
  const response = await call('GET', `${sessionPath(id, 'events')}?awaitSession=true`);
  const frames = readFrames(response, ({ type }) => type === 'session.opened');
  await call('POST', '/v1/sessions', { id });
  expect((await frames).map(({ event }) => event)).toEqual(['session.opened']);
});
