import { expect, test } from 'vitest';
import { problemSchema } from '../../contracts/problem.ts';
import type { SessionExport } from '../../contracts/session/session-export.ts';
import { sessionKey } from '../../contracts/session/session-key.ts';
import { archiveSession } from '../../store/sessions/archive-session.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { exportOf } from '../support/store/session-documents.ts';
import { newKey } from '../store/conversation.ts';
import { readFrames, sessionPath, startGateway, type TestGateway } from './start-gateway.ts';

const database = embeddedDatabase();

/** A session of the default user that has answered one message. */
async function answered({ call, sender }: TestGateway): Promise<string> {
  const { session } = newKey();
  sender.onWake = (key, { runId }) => void sender.answer(key, runId, 'hi');
  await call('POST', sessionPath(session, 'messages'), { id: 'm1', content: 'hello' }, { prefer: 'wait=10' });
  sender.onWake = undefined;
  return session;
}

async function problemOf(response: Response) {
  return problemSchema.parse(await response.json());
}

/** An import whose body ends when `end` is called. */
function slowImport({ gateway }: TestGateway, user: string) {
  let end: (() => void) | undefined;
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{'));
      end = () => controller.close();
    },
  });
  const headers = { 'content-type': 'application/json', 'perdure-user': user };
  const init = { method: 'POST', body, headers, duplex: 'half' } as const;
  return { response: gateway.app.request('/v1/sessions/import', init), end: () => end?.() };
}

test('a session leaves as a document and comes back as another one', async () => {
  const started = startGateway(database.db);
  const id = await answered(started);
  const response = await started.call('GET', sessionPath(id, 'export'));
  expect(response.headers.get('content-type')).toBe('application/json');
  const document = (await response.json()) as SessionExport;
  expect(document).toEqual({
    ...(await exportOf(database.db, sessionKey('local', id))),
    exportedAt: expect.any(String),
  });
  const imported = await started.call('POST', `/v1/sessions/import?id=${id}-copy`, document);
  expect(imported.status).toBe(201);
  expect(await imported.json()).toMatchObject({ id: `${id}-copy`, messages: 1 });
  const again = await started.call('POST', '/v1/sessions/import', document);
  expect(await problemOf(again)).toMatchObject({ status: 409, code: 'already_exists' });
});

test('a document over the limit of the deployment is a 413 that names the setting', async () => {
  const started = startGateway(database.db, { deployment: { limits: { importBytes: 2_000 } } });
  const junk = { format: 'perdure.session', junk: 'x'.repeat(2_000) };
  const problem = await problemOf(await started.call('POST', '/v1/sessions/import', junk));
  expect(problem).toMatchObject({ status: 413, code: 'too_large' });
  expect(problem.detail).toContain('limits.importBytes');
});

test.each([
  ['more values than the limit', `"tables":{"junk":[${'{},'.repeat(5_000_000)}{}]}`, 413, '5000000 values'],
  ['unknown tables', `"tables":{"junk":[{}]}`, 400, 'version'],
  ['too many levels', `"tables":${'['.repeat(101)}${']'.repeat(101)}`, 400, '100 levels'],
  ['broken JSON', '"tables":', 400, 'not JSON'],
])('a document with %s is refused', async (_, fields, status, names) => {
  const { gateway } = startGateway(database.db);
  const body = `{"format":"perdure.session",${fields}}`;
  const headers = { 'content-type': 'application/json' };
  const problem = await problemOf(await gateway.app.request('/v1/sessions/import', { method: 'POST', body, headers }));
  expect(problem.status).toBe(status);
  expect(problem.detail).toContain(names);
});

test('while a document is checked, the gateway serves others', async () => {
  const started = startGateway(database.db);
  const body = `{"format":"perdure.session","tables":{"junk":[${'{},'.repeat(1_500_000)}{}]}}`;
  const headers = { 'content-type': 'application/json' };
  const importing = started.gateway.app.request('/v1/sessions/import', { method: 'POST', body, headers });
  let response: Response | null = null;
  let served = 0;
  while (response === null) {
    expect((await started.call('GET', '/v1/sessions')).status).toBe(200);
    response = await Promise.race([importing, new Promise<null>((resolve) => void setImmediate(resolve, null))]);
    served += 1;
  }
  expect(response.status).toBe(400);
  expect(served).toBeGreaterThan(5);
});

test('a user imports one document at a time, and a gateway as many as it may', async () => {
  const started = startGateway(database.db, { deployment: { limits: { documents: 2 } } });
  const [ann, bob] = [slowImport(started, 'ann'), slowImport(started, 'bob')];
  const second = slowImport(started, 'ann');
  const refused = await second.response;
  expect(refused.headers.get('retry-after')).toBe('2');
  expect(await problemOf(refused)).toMatchObject({ status: 429, code: 'rate_limited' });
  expect((await slowImport(started, 'eve').response).status).toBe(429);
  ann.end();
  bob.end();
  expect((await ann.response).status).toBe(400);
  expect((await bob.response).status).toBe(400);
  const after = slowImport(started, 'ann');
  after.end();
  expect((await after.response).status).toBe(400);
});

test('an export holds its slot until it was read or given up', async () => {
  const started = startGateway(database.db);
  const id = await answered(started);
  const first = await started.call('GET', sessionPath(id, 'export'));
  expect((await started.call('GET', sessionPath(id, 'export'))).status).toBe(429);
  await first.body?.cancel();
  const second = await started.call('GET', sessionPath(id, 'export'));
  await second.json();
  expect((await started.call('GET', sessionPath(id, 'export'))).status).toBe(200);
});

test('an archived session is restored without a message, as its 409 says', async () => {
  const started = startGateway(database.db);
  const id = await answered(started);
  await archiveSession(database.db, sessionKey('local', id));
  const refused = await problemOf(await started.call('GET', sessionPath(id, 'events')));
  expect(refused).toMatchObject({ status: 409, code: 'session_archived' });
  expect(refused.detail).toContain('/restore');
  const restored = await started.call('POST', sessionPath(id, 'restore'));
  expect(restored.status).toBe(200);
  expect(await restored.json()).toMatchObject({ status: 'active', messages: 1, queue: [] });
  expect((await started.call('GET', sessionPath(id, 'transcript'))).status).toBe(200);
  expect((await started.call('POST', sessionPath(id, 'restore'))).status).toBe(200);
  expect((await started.call('POST', sessionPath('never-seen', 'restore'))).status).toBe(404);
});

test('a repeated message to an archived session streams its run from the beginning', async () => {
  const started = startGateway(database.db);
  const id = await answered(started);
  await archiveSession(database.db, sessionKey('local', id));
  const headers = { accept: 'text/event-stream' };
  const response = await started.call('POST', sessionPath(id, 'messages'), { id: 'm1', content: 'hello' }, headers);
  const frames = await readFrames(response);
  expect(frames.map(({ data }) => data.type)).toContain('message.received');
  expect(frames.at(-1)?.data).toMatchObject({ type: 'run.completed', output: 'hi' });
});
