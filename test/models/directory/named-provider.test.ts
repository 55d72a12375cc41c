import { expect, onTestFinished, test } from 'vitest';
import type { ProviderSettings } from '../../../contracts/provider.ts';
import { createModelDirectory } from '../../../models/directory/model-directory.ts';
import { ModelError } from '../../../models/model-client.ts';
import { hear, modelRequest } from '../../support/models/model-requests.ts';
import { startStubModelServer } from '../../support/models/stub-model-server.ts';

const PERDURE_MODEL = 'scripted/echo';

async function stubServer(): Promise<Awaited<ReturnType<typeof startStubModelServer>>> {
  const stub = await startStubModelServer(['first']);
  onTestFinished(() => stub.close());
  stub.behave(() => ({ text: 'Hello' }));
  return stub;
}

async function clientOf(settings: ProviderSettings, env: Record<string, string> = {}, fetch?: typeof globalThis.fetch) {
  const options = { env: { PERDURE_MODEL, ...env }, providers: { acme: settings }, ...(fetch ? { fetch } : {}) };
  return (await createModelDirectory(options)).resolve('acme/gpt-4o').client;
}

/** Answers every request with an error, and keeps its address and headers. */
function capturing(status = 400, body: unknown = {}) {
  const requests: { readonly url: string; readonly headers: Headers }[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    requests.push({
      url: input instanceof Request ? input.url : input.toString(),
      headers: new Headers(init?.headers),
    });
    return Response.json(body, { status });
  };
  return { requests, fetch };
}

test.each([
  ['chat', '/v1/chat/completions'],
  ['responses', '/v1/responses'],
] as const)('a provider of the deployment file is called with its key over %s', async (api, path) => {
  const stub = await stubServer();
  const settings = { baseUrl: stub.baseUrl, apiKeyEnv: 'ACME_KEY', api, headers: { 'x-team': 'support' } };
  const client = await clientOf(settings, { ACME_KEY: 'sk-acme' });
  const { reply } = await hear(client, modelRequest({ model: 'gpt-4o' }));
  expect([client.provider, reply.text, reply.model]).toEqual(['acme', 'Hello', 'gpt-4o']);
  const request = await stub.received(1);
  expect(request).toMatchObject({ path, headers: { authorization: 'Bearer sk-acme', 'x-team': 'support' } });
});

test('headers come from variables, query parameters are added, and no key is sent where there is none', async () => {
  const stub = await stubServer();
  const settings = { baseUrl: stub.baseUrl, headers: { 'x-key': { env: 'ACME_KEY' } }, query: { tier: 'fast' } };
  await hear(await clientOf(settings, { ACME_KEY: 'sk-acme' }), modelRequest());
  const { path, headers } = await stub.received(1);
  expect(path).toBe('/v1/chat/completions?tier=fast');
  expect(headers['x-key']).toBe('sk-acme');
  expect(headers).not.toHaveProperty('authorization');
});

test("Azure's address has the deployment in its path, and the key in `api-key`", async () => {
  const { requests, fetch } = capturing();
  const settings = {
    baseUrl: 'https://contoso.openai.azure.com/openai/deployments/{model}',
    apiKeyEnv: 'AZURE_OPENAI_API_KEY',
    query: { 'api-version': '2024-10-21' },
  };
  const client = await clientOf(settings, { AZURE_OPENAI_API_KEY: 'azure-key' }, fetch);
  await expect(hear(client, modelRequest({ model: 'gpt-4o' }))).rejects.toBeInstanceOf(ModelError);
  const [request] = requests;
  expect(request?.url).toBe(
    'https://contoso.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21',
  );
  expect(request?.headers.get('api-key')).toBe('azure-key');
  expect(request?.headers.has('authorization')).toBe(false);
});

test('a name of a model cannot leave its place in the path', async () => {
  const { requests, fetch } = capturing();
  const client = await clientOf({ baseUrl: 'https://host.invalid/{model}/v1' }, {}, fetch);
  await expect(hear(client, modelRequest({ model: 'a/../b?c' }))).rejects.toBeInstanceOf(ModelError);
  expect(requests[0]?.url).toBe('https://host.invalid/a%2F..%2Fb%3Fc/v1/chat/completions');
});

test('without its variable every call fails before it is sent, and names the variable', async () => {
  const { requests, fetch } = capturing();
  const client = await clientOf({ baseUrl: 'https://host.invalid/v1', apiKeyEnv: 'ACME_KEY' }, {}, fetch);
  const error = {
    reason: 'authentication',
    retryable: false,
    mayCost: false,
    message: expect.stringContaining('ACME_KEY'),
  };
  await expect(hear(client, modelRequest())).rejects.toMatchObject(error);
  expect(requests).toEqual([]);
});

test("the provider's text shows no header that was read from a variable", async () => {
  const { fetch } = capturing(401, { error: { message: 'The token abcdefgh of Basic abcdefgh is wrong' } });
  const settings = { baseUrl: 'https://host.invalid/v1', headers: { authorization: { env: 'ACME_AUTH' } } };
  const client = await clientOf(settings, { ACME_AUTH: 'Basic abcdefgh' }, fetch);
  const report = { message: 'The token [key] of [key] is wrong' };
  await expect(hear(client, modelRequest())).rejects.toMatchObject({ reason: 'authentication', report });
});

test('a built-in provider gets no address in the deployment file', async () => {
  const providers = { openai: { baseUrl: 'https://host.invalid/v1' } };
  await expect(createModelDirectory({ env: { PERDURE_MODEL }, providers })).rejects.toThrow(
    /built in.*OPENAI_BASE_URL/,
  );
});
