import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { serveHealth, type HealthOptions } from '../../telemetry/health-server.ts';
import { createMetrics } from '../../telemetry/metrics.ts';

async function served(options: Partial<HealthOptions> = {}) {
  const metrics = createMetrics();
  const server = await serveHealth({ host: '127.0.0.1', port: 0, orNextPort: false, metrics, parts: {}, ...options });
  onTestFinished(() => server.close());
  return { ...server, metrics };
}

test('a process tells that it lives, whether its parts answer, and its metrics', async () => {
  let storeAnswers = true;
  const parts = { store: async () => storeAnswers, live: async () => true };
  const { url, metrics } = await served({ parts });
  metrics.runs.add({ agent: 'tutor', outcome: 'completed' });

  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'ready', checks: { store: true, live: true } });
  const scraped = await fetch(`${url}/metrics`);
  expect(scraped.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  expect(await scraped.text()).toContain('perdure_runs_total{agent="tutor",outcome="completed"} 1\n');
  expect((await fetch(`${url}/v1/sessions`)).status).toBe(404);

  storeAnswers = false;
  const unready = await fetch(`${url}/readyz`);
  expect(unready.status).toBe(503);
  expect(await unready.json()).toEqual({ status: 'unavailable', checks: { store: false, live: true } });
});

test('with a token, only a request that carries it reads the metrics', async () => {
  const { url } = await served({ metricsToken: 'scrape' });
  const statusOf = async (path: string, headers = {}) => (await fetch(`${url}${path}`, { headers })).status;
  expect(await statusOf('/metrics')).toBe(401);
  expect(await statusOf('/metrics', { authorization: 'Bearer scrape' })).toBe(200);
  expect(await statusOf('/healthz')).toBe(200);
});

test.each(['//', '/%', 'http://[', '*', '/healthz?//'])(
  'a request for the target %j gets a response, and the next one too',
  async (target) => {
    const { url, port } = await served();
    const socket = connect(port, '127.0.0.1');
    socket.end(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 (200|400|404) /);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  },
);

test('a part that throws is not ready, and harms no other answer', async () => {
  const { url } = await served({ parts: { store: async () => Promise.reject(new Error('away')) } });

  expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ checks: { store: false } });
});

test('a port in use is an error that names the remedy, or the next one is taken', async () => {
  const { port } = await served();

  await expect(served({ port })).rejects.toThrow(
    `Port ${port} on 127.0.0.1 is in use. Stop the process that uses it, or set PERDURE_METRICS_PORT`,
  );
  expect((await served({ port, orNextPort: true })).port).toBeGreaterThan(port);
});
