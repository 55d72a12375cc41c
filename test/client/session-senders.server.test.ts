import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { createGatewayClient } from '../../client/http/gateway-client.ts';
import { createHttpSender } from '../../client/http-sender.ts';
import type { SessionSender } from '../../client/temporal/session-sender.ts';
import { createGateway, type Gateway } from '../../gateway/create-gateway.ts';
import { serveGateway, type ServedGateway } from '../../gateway/serve-gateway.ts';
import { heldModel } from '../support/models/held-model.ts';
import { registry, startStack, type Stack } from '../support/stack.ts';
import { testTemporal } from '../support/temporal/temporal-server.ts';
import { sessionSenderSuite } from './session-sender.testsuite.ts';

const model = heldModel();
let stack: Stack;
let gateway: Gateway;
let served: ServedGateway;

beforeAll(async () => {
  stack = await startStack({ temporal: await testTemporal(), model: model.model });
  const { db, live, sender } = stack;
  gateway = createGateway({ db, live, sender, agents: registry([{ name: 'assistant' }], []) });
  served = await serveGateway({ gateway, port: 0 });
});
afterAll(async () => {
  await served.close();
  await stack[Symbol.asyncDispose]();
});

const worldOf = (sender: SessionSender) => ({
  sender,
  events: (key: Parameters<Stack['events']>[0]) => stack.events(key),
  held: () => `hold ${randomUUID()}`,
  started: async (_key: unknown, _runId: string, content: string) => void (await model.call(content)),
});

sessionSenderSuite('through Temporal', () => worldOf(stack.sender));
sessionSenderSuite('over HTTP', () =>
  worldOf(createHttpSender((user) => createGatewayClient({ url: served.url, user }))),
);
