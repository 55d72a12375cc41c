import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { defineAgent } from '../../../agents/define-agent.ts';
import { functionModels } from '../../../testing/function-models.ts';
import { createWorker } from '../../../worker/create-worker.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

test('a worker in a process of one’s own serves health and metrics if asked to, until it stops', async () => {
  const worker = await createWorker({
    dataDir: join(await temporaryFolder(), 'data'),
    agents: [defineAgent({ name: 'assistant' })],
    models: functionModels(() => 'yes'),
    temporal: { address: await testTemporal() },
    taskQueue: `health-${crypto.randomUUID()}`,
    health: { port: 0, metricsToken: 'scrape' },
  });
  onTestFinished(() => worker.stop());
  const statusOf = async (path: string, headers = {}) =>
    (await fetch(`${worker.healthUrl}${path}`, { headers })).status;
  expect(await statusOf('/readyz')).toBe(200);
  expect(await statusOf('/metrics')).toBe(401);
  expect(await statusOf('/metrics', { authorization: 'Bearer scrape' })).toBe(200);
  await worker.stop();
  await expect(statusOf('/healthz')).rejects.toThrow('fetch failed');
});
