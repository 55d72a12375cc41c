import { expect, test } from 'vitest';
import { describeModels } from '../../../models/directory/describe-models.ts';
import { createModelDirectory } from '../../../models/directory/model-directory.ts';
import { hear, modelRequest } from '../../support/models/model-requests.ts';
import { startStubModelServer } from '../../support/models/stub-model-server.ts';

type Pages = Readonly<Record<string, unknown>>;

/** A network in which only these addresses answer. */
function network(pages: Pages): typeof fetch & { readonly asked: string[] } {
  const asked: string[] = [];
  const fetch = async (input: string | URL | Request) => {
    const url = input instanceof Request ? input.url : String(input);
    asked.push(url);
    if (!(url in pages)) throw new TypeError('fetch failed');
    return Response.json(pages[url]);
  };
  return Object.assign(fetch, { asked });
}

const listing = (...ids: string[]) => ({ object: 'list', data: ids.map((id) => ({ id })) });
const OLLAMA = 'http://127.0.0.1:11434/v1/models';
const LLAMA = 'http://127.0.0.1:8080/v1/models';
const SERVER = 'http://10.0.0.5:9000/v1';

const chosen = async (env: Record<string, string>, pages: Pages = {}) => {
  const fetch = network(pages);
  const directory = await createModelDirectory({ env, fetch });
  return { directory, model: directory.defaultModel, asked: fetch.asked };
};

test('PERDURE_MODEL is the default, and nothing is looked for', async () => {
  const { model, asked } = await chosen({ PERDURE_MODEL: 'local/llama3', OPENAI_API_KEY: 'k' });
  expect([model, asked]).toEqual(['local/llama3', []]);
});

test('with an API key alone the default is a model of OpenAI', async () => {
  const { model, asked } = await chosen({ OPENAI_API_KEY: 'k' });
  expect([model, asked]).toEqual(['openai/gpt-5.4-mini', []]);
});

test('with a base URL the default is the first model listed there that can talk', async () => {
  const pages = { [`${SERVER}/models`]: listing('text-embedding-3', 'org/chatty', 'other') };
  expect((await chosen({ OPENAI_BASE_URL: `${SERVER}/` }, pages)).model).toBe('openai/org/chatty');
});

test('a base URL that lists nothing leaves the documented default', async () => {
  expect((await chosen({ OPENAI_BASE_URL: SERVER })).model).toBe('openai/gpt-5.4-mini');
});

test('without settings the first local server with a model is used', async () => {
  const pages = { [OLLAMA]: listing(), [LLAMA]: listing('/models/smol.gguf') };
  const { model, directory } = await chosen({ OPENAI_API_KEY: '' }, pages);
  expect(model).toBe('local//models/smol.gguf');
  expect(directory.resolve(model)).toMatchObject({ model: '/models/smol.gguf', client: { provider: 'local' } });
});

test('another program on a usual port is not taken for a model server', async () => {
  expect((await chosen({}, { [LLAMA]: { hello: 'world' } })).model).toBe('scripted/demo');
});

test('without anything the scripted model answers', async () => {
  const { model, directory } = await chosen({});
  expect(model).toBe('scripted/demo');
  expect(directory.choice.because).toContain('no API key');
});

test('names mean a provider and a model', async () => {
  const { directory } = await chosen({});
  expect(directory.resolve('openai/a/b')).toMatchObject({ model: 'a/b', client: { provider: 'openai' } });
  expect(directory.resolve('openai-responses/a').client.provider).toBe('openai-responses');
  expect(directory.resolve('scripted/echo').client.provider).toBe('scripted');
});

test.each(['gpt-5', 'other/x', 'openai/', '/x', '', 'scripted/none'])('the name %j is refused', async (name) => {
  const { directory } = await chosen({});
  const error = expect.objectContaining({ reason: 'invalid_request', message: expect.stringContaining('scripted') });
  expect(() => directory.resolve(name)).toThrow(error);
});

test('a PERDURE_MODEL without a provider is refused at the start', async () => {
  await expect(chosen({ PERDURE_MODEL: 'gpt-5' })).rejects.toMatchObject({ reason: 'invalid_request' });
});

test.each([
  [{ PERDURE_OPENAI_API: 'soap' }, 'PERDURE_OPENAI_API'],
  [{ OPENAI_BASE_URL: 'localhost:8080' }, 'OPENAI_BASE_URL'],
])('%j is refused, naming the variable', async (env, name) => {
  await expect(chosen(env)).rejects.toThrow(name);
});

test.each([
  ['chat', '/v1/chat/completions'],
  ['responses', '/v1/responses'],
])('PERDURE_OPENAI_API=%s speaks to %s', async (PERDURE_OPENAI_API, path) => {
  const stub = await startStubModelServer(['first']);
  try {
    stub.behave(() => ({ text: 'Hello' }));
    const env = { OPENAI_BASE_URL: stub.baseUrl, OPENAI_API_KEY: 'k', PERDURE_OPENAI_API };
    const directory = await createModelDirectory({ env });
    const { client, model } = directory.resolve(directory.defaultModel);
    expect((await hear(client, modelRequest({ model }))).reply).toMatchObject({ text: 'Hello', model: 'first' });
    expect((await stub.received(1)).path).toBe(path);
    await hear(directory.resolve('openai-responses/first').client, modelRequest({ model }));
    expect((await stub.received(2)).path).toBe('/v1/responses');
  } finally {
    await stub.close();
  }
});

test('a local server is given no key, and is found when it starts after the worker', async () => {
  const stub = await startStubModelServer(['late:latest']);
  try {
    stub.behave(() => ({ text: 'Here' }));
    let started = false;
    const fetch: typeof globalThis.fetch = (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      if (!started || !url.startsWith('http://127.0.0.1:11434')) return Promise.reject(new TypeError('fetch failed'));
      return globalThis.fetch(url.replace('http://127.0.0.1:11434/v1', stub.baseUrl), init);
    };
    const directory = await createModelDirectory({ env: { OPENAI_API_KEY: 'secret' }, fetch });
    const { client, model } = directory.resolve('local/late');
    await expect(hear(client, modelRequest({ model }))).rejects.toMatchObject({
      reason: 'connection',
      retryable: true,
    });
    started = true;
    expect((await hear(client, modelRequest({ model }))).reply.text).toBe('Here');
    expect(JSON.stringify((await stub.received(1)).headers)).not.toContain('secret');
    const other = hear(client, modelRequest({ model: 'absent' }));
    await expect(other).rejects.toMatchObject({
      reason: 'invalid_request',
      message: expect.stringContaining('late:latest'),
    });
  } finally {
    await stub.close();
  }
});

test('the report says what was found, and what to do about the rest', async () => {
  const pages = { [OLLAMA]: listing(), [LLAMA]: listing('smol') };
  const report = await describeModels({ env: { OPENAI_API_KEY: 'very-secret' }, fetch: network(pages) });
  expect(report).toMatchObject({
    defaultModel: 'openai/gpt-5.4-mini',
    because: 'OPENAI_API_KEY is set',
    scripted: false,
  });
  expect(report.sources.map(({ source, state }) => [source, state])).toEqual([
    ['OpenAI API', 'failing'],
    ['Ollama', 'failing'],
    ['llama.cpp', 'ready'],
    ['LM Studio', 'absent'],
    ['vLLM', 'absent'],
  ]);
  for (const { state, remedy } of report.sources) expect(remedy === null).toBe(state === 'ready');
  expect(JSON.stringify(report)).not.toContain('very-secret');
});

test('the report says when answers would come from a script', async () => {
  expect(await describeModels({ env: {}, fetch: network({}) })).toMatchObject({ scripted: true });
});
