import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { expect, onTestFinished, test } from 'vitest';
import { SEARCH_ATTRIBUTE } from '../../contracts/names.ts';
import { anyPort } from '../../dev-server/ports.ts';
import { waitForTemporal } from '../../dev-server/temporal-health.ts';
import { spawnTemporal } from '../../dev-server/temporal-process.ts';
import { settingsOf, temporalArguments } from '../../dev-server/temporal-settings.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { temporalBinary } from '../support/temporal/temporal-server.ts';
import { clientOf } from './temporal-client.ts';

test('a new server accepts the search attributes of sessions at once, and does not read their definitions for each workflow', async () => {
  const { client, metricsUrl } = await newServer();
  await start(client, 'first');
  const found = async (): Promise<string[]> => {
    const ids: string[] = [];
    for await (const { workflowId } of client.workflow.list({ query: `${SEARCH_ATTRIBUTE.user} = 'ada'` })) {
      ids.push(workflowId);
    }
    return ids;
  };
  await expect.poll(found).toEqual(['first']);

  for (let n = 0; n < 50; n++) await start(client, `more-${n}`);
  // The server publishes its metrics once a second.
  await expect.poll(() => requests(metricsUrl, 'CreateWorkflowExecution'), { timeout: 10_000 }).toBeGreaterThan(50);
  expect(await requests(metricsUrl, 'GetCurrentClusterMetadata')).toBeLessThan(50);
});

/** A server with the settings of the product in a new folder, and its metrics. */
async function newServer(): Promise<{ client: Client; metricsUrl: string }> {
  const dataDir = await temporaryFolder();
  const settings = settingsOf({ dataDir });
  const [port, metricsPort] = [await anyPort(), await anyPort()];
  const args = [...temporalArguments(settings, port, null), '--metrics-port', String(metricsPort)];
  const server = await spawnTemporal(await temporalBinary(), args, join(dataDir, 'temporal.log'), dataDir);
  onTestFinished(() => server.end());
  const address = `127.0.0.1:${port}`;
  expect(await waitForTemporal(address, settings.namespace, 30_000, new AbortController().signal)).toBe(true);
  return { client: await clientOf(address), metricsUrl: `http://127.0.0.1:${metricsPort}/metrics` };
}

function start(client: Client, workflowId: string): Promise<unknown> {
  const key = defineSearchAttributeKey(SEARCH_ATTRIBUTE.user, 'KEYWORD');
  return client.workflow.start('nobody', {
    workflowId,
    taskQueue: 'none',
    typedSearchAttributes: [{ key, value: 'ada' }],
  });
}

/** How often the server has called an operation of its database. The definitions of search attributes are in the cluster metadata. */
async function requests(metricsUrl: string, operation: string): Promise<number> {
  const metrics = await (await fetch(metricsUrl)).text();
  const counts = metrics
    .split('\n')
    .filter((line) => line.startsWith('persistence_requests{') && line.includes(`operation="${operation}"`))
    .map((line) => Number(line.split(' ').at(-1)));
  return counts.reduce((sum, count) => sum + count, 0);
}
