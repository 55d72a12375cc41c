import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { readSettings } from '../../../cli/services/settings.ts';
import { findUiCodecEndpoint } from '../../../cli/services/ui-codec-endpoint.ts';
import { anyPort } from '../../../dev-server/ports.ts';

const KEY = { PERDURE_CODEC_KEY: `k1:${Buffer.alloc(32).toString('base64')}` };

test('the UI decodes at the port that is set, also with keys that only decrypt', async () => {
  const port = { PERDURE_PORT: '4848' };
  expect(await findUiCodecEndpoint(readSettings({ ...KEY, ...port }), {})).toBe('http://127.0.0.1:4848/v1/codec');
  const decrypts = readSettings({ PERDURE_CODEC_DECRYPT_KEYS: KEY.PERDURE_CODEC_KEY, PERDURE_HOST: '[::1]', ...port });
  expect(await findUiCodecEndpoint(decrypts, {})).toBe('http://[::1]:4848/v1/codec');
});

test('without a port that is set, the UI decodes at the one that the gateway takes: not at one that is in use', async () => {
  const port = await anyPort();
  const other = createServer().listen(port, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const endpoint = await findUiCodecEndpoint({ ...readSettings(KEY), port }, {});
  expect(Number(new URL(endpoint ?? '').port)).toBeGreaterThan(port);
});

test('the UI decodes nowhere without keys, with authentication of any kind, and where the port is any', async () => {
  const key = { ...KEY, PERDURE_PORT: '4848' };
  const jwt = { issuer: 'https://login.example.com', audience: 'perdure' };
  expect(
    await Promise.all([
      findUiCodecEndpoint(readSettings({ PERDURE_PORT: '4848' }), {}),
      findUiCodecEndpoint(readSettings({ ...key, PERDURE_TOKENS: 'token=ada' }), {}),
      findUiCodecEndpoint(readSettings(key), { auth: { keys: true } }),
      findUiCodecEndpoint(readSettings(key), { auth: { jwt } }),
      findUiCodecEndpoint(readSettings({ ...KEY, PERDURE_PORT: '0' }), {}),
    ]),
  ).toEqual([null, null, null, null, null]);
});
