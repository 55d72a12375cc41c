import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { createPerdure } from '../../client/index.ts';
import { memoryPageSchema, rememberedSchema } from '../../contracts/capabilities/memory.ts';
import { createMemories } from '../../memory/create-memories.ts';
import { FakeEmbedder } from './fake-embedder.ts';
import { runCli } from '../support/process/run-cli.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { servedGateway, startGateway } from '../gateway/start-gateway.ts';

const database = embeddedDatabase();
const as = (user: string) => ({ 'perdure-user': user });
const newUser = (): string => `user-${randomUUID()}`;

test('a memory is added, searched, listed, corrected and forgotten over HTTP', async () => {
  const { call } = startGateway(database.db);
  const user = as(newUser());
  const added = await call('POST', '/v1/memories', { content: 'Lives in Oslo', source: { session: 'main' } }, user);
  const { memory, vector } = rememberedSchema.parse(await added.json());
  expect([added.status, vector, memory.source]).toEqual([201, 'off', { session: 'main', run: null, message: null }]);
  expect((await call('POST', '/v1/memories', { content: 'Lives in Oslo' }, user)).status).toBe(200);

  const found = memoryPageSchema.parse(
    await (await call('GET', '/v1/memories?query=oslo&limit=5', undefined, user)).json(),
  );
  expect(found).toMatchObject({ data: [{ id: memory.id, by: ['text'] }], search: { reason: 'no_embeddings' } });
  await call('POST', '/v1/memories', { content: 'Lives in Bergen', replaces: memory.id }, user);
  const listed = memoryPageSchema.parse(await (await call('GET', '/v1/memories', undefined, user)).json());
  expect(listed.data.map(({ content, replaces }) => [content, replaces])).toEqual([['Lives in Bergen', memory.id]]);
  expect(listed.search).toBeUndefined();

  const forgotten = await call('DELETE', `/v1/memories/${listed.data[0]?.id}`, undefined, user);
  expect(await forgotten.json()).toEqual({ forgotten: 2 });
  expect((await call('DELETE', `/v1/memories/${memory.id}`, undefined, user)).status).toBe(404);
});

test.each([
  ['no content', 'POST', '/v1/memories', {}, 400, 'content'],
  ['an empty content', 'POST', '/v1/memories', { content: ' \n' }, 400, 'content'],
  ['an unknown field', 'POST', '/v1/memories', { content: 'a', sources: {} }, 400, 'source'],
  ['a long content', 'POST', '/v1/memories', { content: 'a'.repeat(9_000) }, 413, '8192'],
  ['an unknown memory to replace', 'POST', '/v1/memories', { content: 'a', replaces: 'nope' }, 404, 'nope'],
  ['an empty query', 'GET', '/v1/memories?query=%20', undefined, 400, 'query'],
  ['a large limit of a search', 'GET', '/v1/memories?query=a&limit=51', undefined, 400, '50'],
  ['a cursor of a search', 'GET', '/v1/memories?query=a&cursor=abc', undefined, 400, 'cursor'],
  ['a broken cursor', 'GET', '/v1/memories?cursor=abc', undefined, 400, 'cursor'],
  ['a long query', 'GET', `/v1/memories?query=${'a'.repeat(9_000)}`, undefined, 413, '8192'],
  ['no word that all are meant', 'DELETE', '/v1/memories', undefined, 400, 'all'],
  ['an unknown memory to forget', 'DELETE', '/v1/memories/nope', undefined, 404, 'nope'],
])('a request with %s is refused with the reason', async (_, method, path, body, status, named) => {
  const { call } = startGateway(database.db);
  const response = await call(method, path, body, as(newUser()));

  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ detail: expect.stringContaining(named) });
});

test('neither the content nor the query of a refused request is in the response', async () => {
  const { call } = startGateway(database.db);
  const secret = 'hunter2';
  const responses = [
    await call('POST', '/v1/memories', { content: [secret] }, as('ann')),
    await call('POST', '/v1/memories', { content: secret.repeat(2_000) }, as('ann')),
    await call('GET', `/v1/memories?query=${secret}&query=${secret}&limit=0`, undefined, as('ann')),
    await call('GET', `/v1/memories?query=${secret.repeat(2_000)}`, undefined, as('ann')),
  ];

  expect(responses.map(({ status }) => status)).toEqual([400, 413, 400, 413]);
  for (const response of responses) expect(await response.text()).not.toContain(secret);
});

test('with authentication no other user sees, corrects or forgets a memory; an operator does, and is recorded', async () => {
  const { call } = startGateway(database.db, { tokens: 'a=ann,b=bob,o=olga', operators: 'olga' });
  const asking = (token: string) => async (method: string, path: string, body?: unknown) => {
    const response = await call(method, path, body, { authorization: `Bearer ${token}` });
    return { status: response.status, text: await response.text() };
  };
  const [ann, bob, olga] = [asking('a'), asking('b'), asking('o')];
  const canary = `canary${randomUUID().replaceAll('-', '')}`;
  const { memory } = rememberedSchema.parse(JSON.parse((await ann('POST', '/v1/memories', { content: canary })).text));
  const tries = [
    await bob('GET', `/v1/memories?query=${canary}`),
    await bob('GET', '/v1/memories'),
    await bob('GET', `/v1/memories?user=ann`),
    await bob('DELETE', `/v1/memories/${memory.id}`),
    await bob('DELETE', `/v1/memories/${memory.id}?user=ann`),
    await bob('DELETE', `/v1/memories?all=true&user=ann`),
    await bob('DELETE', `/v1/memories?all=true`),
    await bob('POST', '/v1/memories', { content: 'x', replaces: memory.id }),
    await bob('POST', '/v1/memories?user=ann', { content: 'x' }),
  ];

  expect(tries.map(({ status }) => status)).toEqual([200, 200, 403, 404, 403, 403, 200, 404, 400]);
  expect(tries.map(({ text }) => text).join()).not.toContain(canary);
  expect((await ann('GET', `/v1/memories?query=${canary}`)).text).toContain(memory.id);

  expect((await olga('GET', `/v1/memories?user=ann&query=${canary}`)).text).toContain(memory.id);
  expect((await olga('DELETE', '/v1/memories?all=true&user=ann')).text).toBe('{"forgotten":1}');
  const audit = JSON.parse((await olga('GET', '/v1/audit?user=ann')).text) as { data: { action: string }[] };
  expect(audit.data.map(({ action }) => action)).toEqual(['memories.forget', 'memories.read']);
});

test('the client and the command line add, find, list and forget', async () => {
  const memories = createMemories({ db: database.db, embedder: new FakeEmbedder() });
  const { url, env } = await servedGateway(database.db, { memories });
  const user = newUser();
  const { memories: mine } = createPerdure({ gateway: url, user });
  const { memory } = await mine.add('Has a dog called Rex');
  const cli = (...args: string[]) => runCli(['--user', user, 'memories', ...args], env);

  expect((await mine.search('which pet', { limit: 3 })).data).toMatchObject([{ id: memory.id, by: ['vector'] }]);
  expect((await cli('search', 'the pet Rex')).stdout).toMatch(/FOUND BY[^]*text\+vector +- +Has a dog called Rex\n$/);
  expect((await cli('add', 'Has a hound called Max', '--replaces', memory.id)).stdout).toMatch(
    /^Remembered as \S+: Has a/,
  );
  expect((await cli()).stdout).toMatch(/^MEMORY +SINCE +SESSION +CONTENT\n\S+ .*Has a hound called Max\n$/);
  expect(JSON.parse((await cli('list', '--json')).stdout)).toMatchObject({ data: [{ replaces: memory.id }] });
  expect((await cli('forget')).code).toBe(2);
  expect((await cli('forget', '--all')).stderr).toContain('--yes');
  expect(await cli('forget', 'nope')).toMatchObject({ code: 4, stderr: expect.stringContaining('"nope"') as string });
  expect((await cli('forget', '--all', '--yes')).stdout).toBe('Forgot 2 memories.\n');
  expect((await cli()).stdout).toContain('No memories. Add one with');
}, 60_000);

test('a search by words only says why', async () => {
  const { env } = await servedGateway(database.db);
  const cli = (...args: string[]) => runCli(['--user', newUser(), 'memories', ...args], env);

  expect((await cli('search', 'tea')).stdout).toBe(
    'No matching memories.\nSearched by words only: no embedding model is configured (memory.embeddings in the deployment file).\n',
  );
}, 60_000);
