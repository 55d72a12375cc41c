import { expect, test } from 'vitest';
import type { ProviderSettings } from '../../../contracts/provider.ts';
import { openEmbedder, type EmbedderOptions } from '../../../models/directory/open-embedder.ts';

const ACME: Readonly<Record<string, ProviderSettings>> = {
  acme: { baseUrl: 'https://acme.example/v1', apiKeyEnv: 'ACME_KEY' },
};
const signal = new AbortController().signal;

interface Sent {
  readonly url: string;
  readonly headers: Headers;
  readonly body: unknown;
}

/** An endpoint with one answer. */
function answering(answer: unknown, status = 200) {
  const sent: Sent[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : input.toString();
    sent.push({ url, headers: new Headers(init?.headers), body: JSON.parse(init?.body as string) as unknown });
    return typeof answer === 'string' ? new Response(answer, { status }) : Response.json(answer, { status });
  };
  return { sent, fetch };
}

const open = (options: EmbedderOptions, fetch: typeof globalThis.fetch, env: Record<string, string> = {}) =>
  openEmbedder(options, { env, providers: ACME, fetch });

test('a batch is one request to the provider with its key, and the vectors keep the order of the texts', async () => {
  const { sent, fetch } = answering({
    object: 'list',
    data: [
      { object: 'embedding', index: 1, embedding: [2, 2] },
      { object: 'embedding', index: 0, embedding: [1, 1] },
    ],
    usage: { prompt_tokens: 2, total_tokens: 2 },
  });
  const embedder = open({ model: 'acme/embed-small', dimensions: 2 }, fetch, { ACME_KEY: 'secret' });

  expect(await embedder.embed(['one', 'two'], { signal })).toEqual([
    [1, 1],
    [2, 2],
  ]);
  expect(sent.map(({ url, body, headers }) => [url, body, headers.get('authorization')])).toEqual([
    [
      'https://acme.example/v1/embeddings',
      { model: 'embed-small', input: ['one', 'two'], encoding_format: 'float', dimensions: 2 },
      'Bearer secret',
    ],
  ]);
});

test('without chosen dimensions none are asked for; chosen ones make another space', () => {
  const { fetch } = answering({ data: [] });

  expect(open({ model: 'acme/org/embed' }, fetch).space).toBe('acme/org/embed');
  expect(open({ model: 'acme/org/embed', dimensions: 256 }, fetch).space).toBe('acme/org/embed@256');
});

test.each([
  ['openai', 'https://api.openai.com/v1/embeddings', { OPENAI_API_KEY: 'k' }],
  ['openai', 'http://127.0.0.1:9/v1/embeddings', { OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' }],
])('%s is called at %s', async (provider, url, env) => {
  const { sent, fetch } = answering({ data: [{ embedding: [1] }] });
  await open({ model: `${provider}/text-embedding-3-small` }, fetch, env).embed(['a'], { signal });

  expect(sent.map((one) => one.url)).toEqual([url]);
});

test.each([
  ['too few vectors', { data: [{ index: 0, embedding: [1] }] }, 200, 'server_error'],
  ['an empty vector', { data: [{ embedding: [1] }, { embedding: [] }] }, 200, 'server_error'],
  ['text for numbers', { data: [{ embedding: 'AAAA' }, { embedding: 'AAAA' }] }, 200, 'server_error'],
  ['an error with status 200', { error: { message: 'no', code: 'rate_limit_exceeded' } }, 200, 'rate_limited'],
  ['a page of HTML', '<html></html>', 200, 'server_error'],
  ['a wrong key', { error: { message: 'no' } }, 401, 'authentication'],
  ['an overloaded server', { error: { message: 'no' } }, 503, 'server_error'],
  ['a text that is too long', { error: { message: 'maximum context length is 8192 tokens' } }, 400, 'too_large'],
])('%s is a failure without the texts', async (_, answer, status, reason) => {
  const { fetch } = answering(answer, status);
  const failure = open({ model: 'acme/m' }, fetch, { ACME_KEY: 'k' }).embed(['hunter2', 'two'], { signal });

  await expect(failure).rejects.toMatchObject({ reason, message: expect.not.stringContaining('hunter2') as string });
});

test('a provider whose key is not set fails each call, naming the variable', async () => {
  const { sent, fetch } = answering({});

  await expect(open({ model: 'acme/m' }, fetch).embed(['a'], { signal })).rejects.toThrow('ACME_KEY');
  await expect(open({ model: 'openai/m' }, fetch).embed(['a'], { signal })).rejects.toThrow('OPENAI_API_KEY');
  expect(sent).toEqual([]);
});

test('an unknown provider is refused at once, naming the known ones', () => {
  const { fetch } = answering({});

  expect(() => open({ model: 'akme/m' }, fetch)).toThrow(/"akme\/m".*openai, local, acme/);
  expect(() => open({ model: 'scripted/demo' }, fetch)).toThrow('no embedding endpoint');
});
