import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { expect, test } from 'vitest';
import type { Attachment } from '../../../contracts/attachments/attachment.ts';
import type { Problem } from '../../../contracts/problem.ts';
import { PNG } from '../../support/files.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { servedGateway, sessionPath, startGateway, type TestGateway } from '../start-gateway.ts';

const database = embeddedDatabase();

async function upload(
  { gateway }: TestGateway,
  body: string,
  { name = 'a.txt', user = 'ann', type = 'text/plain' }: { name?: string; user?: string; type?: string } = {},
): Promise<Response> {
  return await gateway.app.request(`/v1/attachments?name=${encodeURIComponent(name)}`, {
    method: 'POST',
    headers: { 'content-type': type, 'perdure-user': user },
    body,
  });
}

async function uploaded(
  started: TestGateway,
  body: string,
  options?: Parameters<typeof upload>[2],
): Promise<Attachment> {
  const response = await upload(started, body, options);
  expect(response.status).toBe(201);
  return (await response.json()) as Attachment;
}

const download = async ({ call }: TestGateway, id: string, headers: Record<string, string> = {}) =>
  await call('GET', `/v1/attachments/${id}`, undefined, { 'perdure-user': 'ann', ...headers });

test('what was uploaded is downloaded, as a file that browsers do not execute', async () => {
  const started = startGateway(database.db);
  const html = '<script>alert(1)</script>';
  const saved = await uploaded(started, html, { name: 'Ünder "quotes".html', type: 'text/html' });
  expect(saved).toEqual({
    id: expect.stringMatching(/^att_/) as string,
    name: 'Ünder "quotes".html',
    contentType: 'text/html',
    size: html.length,
    sha256: createHash('sha256').update(html).digest('hex'),
  });
  const response = await download(started, saved.id);
  expect(await response.text()).toBe(html);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-disposition': `attachment; filename="_nder _quotes_.html"; filename*=UTF-8''%C3%9Cnder%20%22quotes%22.html`,
    'content-length': String(html.length),
    'content-security-policy': "default-src 'none'; sandbox",
    'content-type': 'text/html; charset=utf-8',
    'x-content-type-options': 'nosniff',
    etag: `"${saved.sha256}"`,
  });
});

test('a range, a condition and the headers alone of an attachment can be requested', async () => {
  const started = startGateway(database.db);
  const { id, sha256 } = await uploaded(started, '0123456789');
  const range = await download(started, id, { range: 'bytes=2-4' });
  expect([range.status, range.headers.get('content-range'), await range.text()]).toEqual([206, 'bytes 2-4/10', '234']);
  const other = await download(started, id, { range: 'bytes=2-4', 'if-range': '"other"' });
  expect([other.status, await other.text()]).toEqual([200, '0123456789']);
  const known = await download(started, id, { 'if-none-match': `"x", W/"${sha256}"` });
  expect([known.status, await known.text()]).toEqual([304, '']);
  const behind = await download(started, id, { range: 'bytes=10-' });
  expect([behind.status, ((await behind.json()) as Problem).code]).toEqual([416, 'range_not_satisfiable']);
  const head = await started.call('HEAD', `/v1/attachments/${id}`, undefined, { 'perdure-user': 'ann' });
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', '']);
});

test("another user's attachment is not found, neither by download nor by a message", async () => {
  const started = startGateway(database.db);
  const { id } = await uploaded(started, 'secret', { user: 'ann' });
  const response = await download(started, id, { 'perdure-user': 'bob' });
  expect([response.status, ((await response.json()) as Problem).code]).toEqual([404, 'not_found']);
  const content = [{ type: 'file', attachmentId: id }];
  const sent = await started.call('POST', sessionPath('theft', 'messages'), { content }, { 'perdure-user': 'bob' });
  expect(sent.status).toBe(400);
  expect(((await sent.json()) as Problem).detail).toContain(id);
});

test.each([
  ['a name with a control character', { name: 'a\u0007.txt' }, 400, 'invalid_request', 'control characters'],
  ['a name with a line separator', { name: 'a\u2028.txt' }, 400, 'invalid_request', 'control characters'],
  ['a name with a folder', { name: '../etc/passwd' }, 400, 'invalid_request', 'slashes'],
  ['an endless name', { name: 'a'.repeat(300) }, 400, 'invalid_request', '200'],
  ['a form', { type: 'multipart/form-data; boundary=x' }, 415, 'unsupported_media_type', 'as the body'],
] as const)('%s is refused', async (_what, options, status, code, detail) => {
  const response = await upload(startGateway(database.db), 'x', options);
  const problem = (await response.json()) as Problem;
  expect([response.status, problem.code]).toEqual([status, code]);
  expect(problem.detail).toContain(detail);
});

test('an empty body and a compressed one are refused', async () => {
  const started = startGateway(database.db);
  expect((await upload(started, '')).status).toBe(400);
  const gzip = await started.call('POST', '/v1/attachments', 'x', { 'content-encoding': 'gzip' });
  expect(gzip.status).toBe(415);
});

test('a file over the limit of the deployment is refused, also where its length is not declared', async () => {
  const started = startGateway(database.db, { deployment: { limits: { attachmentBytes: 1_000 } } });
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(Buffer.alloc(400)) });
  const init = { method: 'POST', body: endless, duplex: 'half' } as const;
  for (const response of [
    await upload(started, 'x'.repeat(1_001)),
    await started.gateway.fetch(new Request('http://localhost/v1/attachments', init)),
  ]) {
    const problem = (await response.json()) as Problem;
    expect([response.status, problem.code]).toEqual([413, 'too_large']);
    expect(problem.detail).toContain('limits.attachmentBytes');
  }
});

test('an upload whose connection ends leaves nothing', async () => {
  const { url } = await servedGateway(database.db);
  const headers = { 'perdure-user': 'cut', 'content-length': '1000000' };
  const cut = request(`${url}/v1/attachments?name=cut`, { method: 'POST', headers });
  cut.on('error', () => {});
  cut.write(Buffer.alloc(600_000));
  await expect.poll(() => countOf('cut')).toBe(1);
  cut.destroy();
  await expect.poll(() => countOf('cut')).toBe(0);
});

test('a user has a few uploads at once, and the others are refused until one has ended', async () => {
  const { url, gateway } = await servedGateway(database.db);
  const open = Array.from({ length: 4 }, () => {
    const headers = { 'perdure-user': 'busy', 'content-length': '10' };
    const begun = request(`${url}/v1/attachments`, { method: 'POST', headers });
    begun.flushHeaders();
    return begun;
  });
  await expect.poll(() => countOf('busy')).toBe(4);
  const refused = await upload({ gateway } as TestGateway, 'x', { user: 'busy' });
  expect([refused.status, ((await refused.json()) as Problem).code]).toEqual([429, 'rate_limited']);
  expect((await upload({ gateway } as TestGateway, 'x', { user: 'calm' })).status).toBe(201);
  for (const each of open) {
    each.end(Buffer.alloc(10, 'a'));
    const [response] = (await once(each, 'response')) as [{ readonly statusCode: number; resume(): void }];
    response.resume();
    expect(response.statusCode).toBe(201);
  }
  expect((await upload({ gateway } as TestGateway, 'x', { user: 'busy' })).status).toBe(201);
});

test('a message refers to uploads and contains data URLs; its event and the transcript have the parts', async () => {
  const started = startGateway(database.db);
  const notes = await uploaded(started, 'Dear diary', { name: 'notes.txt' });
  const content = [
    { type: 'text', text: 'Look:' },
    { type: 'image', url: `data:image/jpeg;base64,${PNG.toString('base64')}`, name: 'dot.png' },
    { type: 'file', attachmentId: notes.id },
    { type: 'data', data: { a: [1, 2] }, name: 'numbers' },
    { type: 'text', text: 'What is it?' },
  ];
  const user = { 'perdure-user': 'ann' };
  const path = sessionPath('with-parts', 'messages');
  const first = await started.call('POST', path, { id: 'm1', content }, user);
  expect(first.status).toBe(202);
  const again = await started.call('POST', path, { id: 'm1', content }, user);
  expect(await again.json()).toEqual(await first.json());
  const response = await started.call('GET', `${sessionPath('with-parts', 'events')}?limit=10`, undefined, {
    ...user,
    accept: 'application/json',
  });
  const { events } = (await response.json()) as { events: readonly { type: string }[] };
  const inline = { name: 'dot.png', contentType: 'image/png', size: PNG.length };
  expect(events.find(({ type }) => type === 'message.received')).toMatchObject({
    content: 'Look:\n\nWhat is it?',
    parts: [
      { type: 'text', text: 'Look:' },
      { type: 'image', attachmentId: expect.stringMatching(/^att_/) as string, ...inline },
      { type: 'file', attachmentId: notes.id, name: 'notes.txt', contentType: 'text/plain', size: 10 },
      { type: 'data', data: { a: [1, 2] }, name: 'numbers' },
      { type: 'text', text: 'What is it?' },
    ],
  });
});

test('a message of text parts alone is the message with that text', async () => {
  const started = startGateway(database.db);
  const path = sessionPath('text-parts', 'messages');
  const parts = [
    { type: 'text', text: 'one' },
    { type: 'text', text: 'two' },
  ];
  const first = await started.call('POST', path, { id: 'm1', content: parts });
  const again = await started.call('POST', path, { id: 'm1', content: 'one\n\ntwo' });
  expect([first.status, again.status]).toEqual([202, 202]);
  expect(await again.json()).toEqual(await first.json());
});

test.each([
  ['no parts', [], 'content'],
  ['only empty texts', [{ type: 'text', text: ' ' }], 'not empty'],
  ['an unknown part', [{ type: 'video', url: 'data:,x' }], 'expected one of "text", "image", "file", "data"'],
  ['an image without a source', [{ type: 'image' }], 'either an attachmentId or a url'],
  ['an address', [{ type: 'image', url: 'https://example.com/a.png' }], 'data URL'],
  ['a broken data URL', [{ type: 'image', url: 'data:image/png;base64,?' }], 'data URL'],
  ['a text as an image', [{ type: 'image', url: 'data:image/png,hello' }], 'no image'],
  ['an unknown attachment', [{ type: 'file', attachmentId: 'att_none' }], 'att_none'],
  ['an unknown field', [{ type: 'text', text: 'x', txet: 'y' }], 'txet'],
])('a message with %s is refused with the reason', async (_what, content, detail) => {
  const response = await startGateway(database.db).call('POST', sessionPath('refused', 'messages'), { content });
  expect(response.status).toBe(400);
  expect(((await response.json()) as Problem).detail).toContain(detail);
});

test('a data URL has a limit of its own, and the refusal names the upload', async () => {
  const url = `data:text/plain;base64,${Buffer.alloc(1024 * 1024 + 1, 'a').toString('base64')}`;
  const content = [{ type: 'file', url }];
  const response = await startGateway(database.db).call('POST', sessionPath('inline', 'messages'), { content });
  expect(response.status).toBe(413);
  expect(((await response.json()) as Problem).detail).toContain('POST /v1/attachments');
});

test('a message is refused that no model of its agent accepts, and the refusal names models that do', async () => {
  const local = { hash: 'v1', spec: { name: 'assistant', model: 'local/small' }, tools: [] } as const;
  const seeing = { name: 'seeing', model: 'openai/gpt-5' };
  const agents = {
    defaultAgent: 'assistant',
    list: () => [local.spec, seeing],
    agent: (name: string) => (name === 'assistant' ? local : undefined),
  };
  const content = [{ type: 'image', url: `data:image/png;base64,${PNG.toString('base64')}`, name: 'dot.png' }];
  const send = async (deployment = {}) =>
    await startGateway(database.db, { agents, deployment }).call('POST', sessionPath('blind', 'messages'), { content });
  const response = await send();
  const problem = (await response.json()) as Problem;
  expect([response.status, problem.code]).toEqual([422, 'unsupported_content']);
  expect(problem.detail).toBe(
    'The model local/small does not accept images, such as image/png. Models that do: openai/gpt-5, any of openai, any of openai-responses. If it accepts them, set providers.local.accepts in the deployment file.',
  );
  expect((await send({ providers: { local: { accepts: { small: ['image'] } } } })).status).toBe(202);
});

async function countOf(user: string): Promise<number> {
  const [row] = await database.db.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM perdure.attachments WHERE user_id = $1 AND NOT complete`,
    [user],
  );
  return row?.count ?? 0;
}
