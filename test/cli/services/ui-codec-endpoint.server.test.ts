import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { RemotePayloads } from '../../../contracts/codec/remote-codec.ts';
import { anyPort } from '../../../dev-server/ports.ts';
import { perdureHome, type PerdureProcess } from '../../support/process/perdure-process.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const PLAIN = { metadata: { encoding: base64('json/plain') }, data: base64('"hello"') };

/** The origin of the embedded UI, and the remote codec that its pages use. */
async function uiOf(perdure: PerdureProcess): Promise<{ readonly origin: string; readonly endpoint: string }> {
  const origin = /Temporal UI +(http\S+)/.exec(perdure.output())?.[1] ?? '';
  const response = await fetch(`${origin}/api/v1/settings`);
  const { Codec } = (await response.json()) as { Codec: { Endpoint: string } };
  return { origin, endpoint: Codec.Endpoint };
}

test('pages of the embedded UI decode payloads at the gateway without a setting, pages of other sites do not', async () => {
  const port = await anyPort();
  const home = perdureHome({
    PERDURE_CODEC_KEY: `k1:${randomBytes(32).toString('base64')}`,
    PERDURE_PORT: String(port),
    PERDURE_TEMPORAL_PORT: '0',
    PERDURE_TEMPORAL_UI_PORT: '0',
  });
  const { origin, endpoint } = await uiOf(await home.start());
  expect(endpoint).toBe(`http://127.0.0.1:${port}/v1/codec`);

  /** What a page of `from` can read: null if the browser keeps it from the page. */
  const callFrom = async (from: string, path: string, body: RemotePayloads): Promise<RemotePayloads | null> => {
    const headers = { origin: from, 'content-type': 'application/json', 'x-namespace': 'default' };
    const asked = await fetch(`${endpoint}${path}`, {
      method: 'OPTIONS',
      headers: { ...headers, 'access-control-request-method': 'POST' },
    });
    if (asked.headers.get('access-control-allow-origin') !== from) return null;
    const response = await fetch(`${endpoint}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(response.headers.get('access-control-allow-origin')).toBe(from);
    return (await response.json()) as RemotePayloads;
  };
  const encoded = await callFrom(origin, '/encode', { payloads: [PLAIN] });
  expect(encoded?.payloads[0]?.metadata?.['encoding']).toBe(base64('binary/encrypted'));
  expect(await callFrom(origin, '/decode', encoded ?? { payloads: [] })).toEqual({ payloads: [PLAIN] });
  // A name of another site that resolves to this machine shows the UI under its own origin.
  const other = `http://evil.example:${new URL(origin).port}`;
  expect(await callFrom(other, '/decode', encoded ?? { payloads: [] })).toBe(null);
}, 120_000);
