import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGatewayClient } from '../../client/http/gateway-client.ts';
import { GatewayUnreachableError } from '../../client/http/gateway-unreachable-error.ts';
import { createHttpSender } from '../../client/http-sender.ts';
import { createPerdure, type SessionSender } from '../../client/index.ts';
import { createGateway, type Gateway } from '../../gateway/create-gateway.ts';
import { createInProcessLive } from '../../live/in-process.ts';
import { beginStep } from '../../store/steps/begin-step.ts';
import { readEvents } from '../../store/read/read-events.ts';
import { createStoreSender } from '../gateway/store-sender.ts';
import { registry } from '../support/stack.ts';
import { startFakeGateway } from '../support/gateway/fake-gateway.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { sessionSenderSuite } from './session-sender.testsuite.ts';

const database = embeddedDatabase();
const URL = 'http://127.0.0.1';
let gateway: Gateway;

beforeAll(() => {
  const { db } = database;
  const live = createInProcessLive();
  const agents = registry([{ name: 'assistant' }], []);
  gateway = createGateway({ db, live, sender: createStoreSender(db, live), agents });
});
afterAll(() => gateway.close());

/** A sender whose requests are answered by `fetch`. */
const senderOver = (fetch: typeof globalThis.fetch, timeoutMs?: number): SessionSender =>
  createHttpSender((user) => createGatewayClient({ url: URL, user, fetch, timeoutMs }));

sessionSenderSuite('over HTTP', () => ({
  sender: senderOver(async (input, init) => gateway.app.fetch(new Request(input, init))),
  events: async (key) => (await readEvents(database.db, key, { after: 0, limit: 1_000 })).events,
  held: () => 'Hi',
  started: async (key, runId) =>
    void (await beginStep(database.db, key, { runId, pin: () => ({ hash: 'v1', model: 'test/one' }) })),
}));

const key = { user: 'ann', session: 's' };

test('a message whose connection failed is sent again under the same id, even if it was delivered', async () => {
  const bodies: string[] = [];
  const sender = senderOver(async (_input, init) => {
    bodies.push(init?.body as string);
    if (bodies.length < 3) throw new TypeError('fetch failed');
    const { id } = JSON.parse(bodies.at(-1) ?? '') as { id: string };
    return Response.json({ messageId: id, runId: 'r', disposition: 'started', position: 0 }, { status: 202 });
  });
  const { messageId } = await sender.submit(key, { content: 'Hi' });
  expect(bodies).toEqual(Array.from({ length: 3 }, () => JSON.stringify({ content: 'Hi', id: messageId })));
});

test('a request that is not safe to repeat is sent once, and a message at most three times', async () => {
  let requests = 0;
  const sender = senderOver(async () => {
    requests += 1;
    throw new TypeError('fetch failed');
  });
  await expect(sender.resume(key, { runId: 'r' })).rejects.toThrow(GatewayUnreachableError);
  expect(requests).toBe(1);
  await expect(sender.submitRun(key, { content: 'Hi' })).rejects.toThrow(GatewayUnreachableError);
  expect(requests).toBe(4);
});

test('a gateway that does not respond in time is an error with the limit, and the request is not repeated', async () => {
  let requests = 0;
  const sender = senderOver(async (_input, init) => {
    requests += 1;
    return await new Promise<Response>((_, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error));
    });
  }, 20);
  await expect(sender.submit(key, { content: 'Hi' })).rejects.toThrow(
    `The gateway at ${URL} did not respond within 20 ms.`,
  );
  expect(requests).toBe(1);
});

test('without a gateway every method of the client names the address and how to start one', async () => {
  const away = await startFakeGateway();
  await away.close();
  const perdure = createPerdure({ gateway: away.url });
  const session = perdure.session('s');
  const calls: Promise<unknown>[] = [
    session.send('Hi'),
    session.ask('Hi'),
    session.open(),
    session.update({}),
    session.cancel({ runId: 'r' }),
    session.resume('r'),
    session.end(),
    session.snapshot(),
    perdure.run('Hi'),
    perdure.list(),
  ];
  const outcomes = await Promise.allSettled(calls);
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'GatewayUnreachableError', url: away.url } });
    const { message } = (outcome as PromiseRejectedResult).reason as Error;
    expect(message).toContain(`No gateway is reachable at ${away.url}. Start one with \`perdure start\``);
  }
  await perdure.close();
});
