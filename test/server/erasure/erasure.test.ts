import { WorkflowNotFoundError } from '@temporalio/client';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { memory } from '../../../agents/context/memory.ts';
import { defineTool } from '../../../agents/define-tool.ts';
import type { Erasure } from '../../../contracts/admin/erasure.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../../store/db/db.ts';
import { openStore } from '../../../store/open-store.ts';
import { lastUserMessage } from '../../../testing/function-models.ts';
import { historyNames } from '../../../worker/erasure/history-names.ts';
import { startGateway, type TestGateway } from '../../gateway/start-gateway.ts';
import { pathOf } from '../../support/gateway/http-calls.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { allRows, tablesWith } from '../../support/store/all-rows.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const CANARY = 'CANARY-4c2e';
/** Every kind of character that an id, a list filter and a pattern treat in their own way. */
const USER = `o'dd "ada"%_:x`;
const OPERATOR = 'olga';

let folder: string;
let db: Db;
let stack: Stack;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perdure-erasure-'));
  db = await openStore({
    archivesDir: join(folder, 'archives'),
    attachments: { store: 'folder', folder: join(folder, 'attachments') },
  });
  const reveal = defineTool({
    name: 'reveal',
    description: 'Gives a word back.',
    parameters: z.strictObject({ word: z.string() }),
    idempotent: true,
    execute: ({ word }) => ({ back: `${word} back` }),
  });
  stack = await startStack({
    temporal: await testTemporal(),
    db,
    agents: [
      {
        name: 'assistant',
        tools: ['reveal'],
        context: [{ memory: { recall: 5, tools: false } }],
        policy: { archive: true },
      },
    ],
    tools: [reveal],
    context: [memory],
    lostSessions: { everyMs: 500 },
    model: (request, { signal }) => {
      const text = lastUserMessage(request);
      if (text.includes('hold')) {
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      }
      const answered = request.messages.at(-1)?.role === 'tool';
      if (!text.includes('tool') || answered) return `answer to ${text}`;
      return { toolCalls: [{ callId: 'c1', tool: 'reveal', arguments: { word: `${CANARY} argument` } }] } as never;
    },
  });
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

/** Requests of a user, as JSON. */
function asking({ call }: TestGateway, user: string) {
  return async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await call(method, path, body, { 'perdure-user': encodeURIComponent(user), ...headers });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as Record<string, unknown> };
  };
}

async function files(): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** Workflows of this test whose history has the canary or names the user. */
async function historiesWith(text: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { workflowId, runId } of stack.client.workflow.list({ query: `TaskQueue = '${stack.taskQueue}'` })) {
    const isNamed = await historyNames(stack.client, { workflowId, runId }, text);
    if (isNamed || workflowId.includes(encodeURIComponent(text))) found.push(workflowId);
  }
  return found;
}

async function ended(ask: ReturnType<typeof asking>, id: string): Promise<Erasure> {
  const read = async () => (await ask('GET', `/v1/erasures/${id}`)).body as unknown as Erasure;
  await expect.poll(async () => (await read()).endedAt, { timeout: 100_000, interval: 500 }).not.toBeNull();
  return await read();
}

test('a user with something in every place is erased: nothing is found anywhere, another user keeps all, and the user may come back', async () => {
  const gateway = startGateway(db, { sender: stack.sender, live: stack.live });
  const [ask, operator, other] = [USER, OPERATOR, 'bob'].map((user) => asking(gateway, user)) as [
    ReturnType<typeof asking>,
    ReturnType<typeof asking>,
    ReturnType<typeof asking>,
  ];
  const wait = { prefer: 'wait=60' };
  // Messages, tools, metadata, counts, a memory, an attachment, a budget, a run without a session.
  const uploaded = await gateway.gateway.app.request(`/v1/attachments?name=${CANARY}.txt`, {
    method: 'POST',
    headers: { 'perdure-user': encodeURIComponent(USER), 'content-type': 'text/plain' },
    body: `${CANARY} file`,
  });
  const attachment = (await uploaded.json()) as { id: string };
  const file = { type: 'file', attachmentId: attachment.id };
  expect(await ask('POST', '/v1/memories', { content: `${CANARY} memory` })).toMatchObject({ status: 201 });
  expect((await ask('PUT', '/v1/budget', { dailyTokens: 1_000_000_000 })).status).toBe(200);
  const sent = await ask(
    'POST',
    pathOf('trip', 'messages'),
    { id: CANARY, content: [{ type: 'text', text: `${CANARY} use the tool` }, file] },
    wait,
  );
  expect(sent.body).toMatchObject({ answer: expect.stringContaining(CANARY) });
  expect(
    (await ask('PATCH', pathOf('trip'), { metadata: { word: CANARY }, state: { app: { word: CANARY } } })).status,
  ).toBe(200);
  expect((await ask('POST', pathOf('trip', 'counts'), { key: CANARY, counters: { [CANARY]: 1 } })).status).toBe(200);
  expect((await ask('POST', '/v1/runs', { content: `${CANARY} one` }, wait)).status).toBe(200);
  // By Temporal, so that its history has the content; with a memo.
  await stack.sender.submit({ user: USER, session: 'raw' }, { content: `${CANARY} raw` });
  // An archive in the folder, and a run in progress.
  for (const session of [`${CANARY} old`, 'busy']) {
    await ask('POST', pathOf(session, 'messages'), { content: `${CANARY} hello` }, wait);
  }
  expect((await ask('DELETE', `${pathOf(`${CANARY} old`)}?archive=true`)).status).toBe(204);
  await ask('POST', pathOf('busy', 'messages'), { content: `${CANARY} hold` });
  await ask('POST', '/v1/maintenance/clean', { idleMs: 3_600_000 });
  await other('POST', pathOf('trip', 'messages'), { content: 'I stay' }, wait);
  await stack.ended({ user: USER, session: 'raw' });

  const found = await tablesWith(db, CANARY);
  for (const table of ['events', 'messages', 'memories', 'tool_calls', 'recorded_days', 'sessions', 'runs']) {
    expect(Object.keys(found)).toContain(table);
  }
  expect((await files()).length).toBe(2);

  const { status, body } = await operator('DELETE', `/v1/users/${encodeURIComponent(USER)}`);
  expect([status, body['user']]).toEqual([202, USER]);
  expect(await ask('POST', pathOf('trip', 'messages'), { content: 'again' })).toMatchObject({
    status: 409,
    body: { code: 'erasure_in_progress' },
  });
  expect(await ask('POST', '/v1/memories', { content: 'again' })).toMatchObject({ status: 409 });
  expect(await ask('POST', '/v1/sessions', { id: 'new' })).toMatchObject({ status: 409 });

  const report = await ended(operator, body['id'] as string);
  expect(report).toMatchObject({ user: null, step: null, error: null });
  expect(report.counts).toMatchObject({
    'files.archives': 1,
    'rows.memories': 1,
    'rows.sessions': 5,
    'temporal.executions': expect.any(Number),
  });

  expect(await tablesWith(db, CANARY)).toEqual({});
  const naming = (await allRows(db)).filter(({ row }) => row.includes(JSON.stringify(USER))).map(({ table }) => table);
  // The record of the erasure.
  expect([...new Set(naming)]).toEqual(['audit']);
  expect(await files()).toEqual([]);
  expect(await historiesWith(USER)).toEqual([]);
  expect(await historiesWith(CANARY)).toEqual([]);
  expect((await other('GET', pathOf('trip'))).body).toMatchObject({ messages: 1 });
  expect((await operator('GET', '/v1/erasures')).body).toMatchObject({ data: [{ id: report.id, user: null }] });

  expect((await ask('GET', '/v1/sessions')).body).toMatchObject({ data: [] });
  const back = await ask('POST', pathOf('trip', 'messages'), { id: CANARY, content: 'hello' }, wait);
  expect(back.body).toMatchObject({ answer: `answer to hello` });
}, 180_000);

test('only an operator erases, and an erasure whose workflow is lost goes on', async () => {
  const secured = startGateway(db, {
    sender: stack.sender,
    live: stack.live,
    tokens: 'a=ada,o=olga',
    operators: OPERATOR,
  });
  const refused = await secured.call('DELETE', '/v1/users/ada', undefined, { authorization: 'Bearer a' });
  expect([refused.status, await refused.json()]).toMatchObject([403, { code: 'forbidden' }]);

  const gateway = startGateway(db, {
    // The workflow is not started: as while Temporal is away.
    sender: { ...stack.sender, erase: () => Promise.reject(new Error('away')) },
    live: stack.live,
  });
  const [ask, operator] = [asking(gateway, 'eve'), asking(gateway, OPERATOR)];
  await ask('POST', pathOf('trip', 'messages'), { content: 'hello' }, { prefer: 'wait=60' });
  const { body } = await operator('DELETE', '/v1/users/eve');
  const report = await ended(operator, body['id'] as string);
  expect(report.counts).toMatchObject({ 'rows.sessions': 1 });
  await expect(
    stack.client.workflow.getHandle(workflowIdOf({ user: 'eve', session: 'trip' })).describe(),
  ).rejects.toThrow(WorkflowNotFoundError);
}, 120_000);
