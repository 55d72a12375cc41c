import { NativeConnection } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { createPerdure } from '../../client/index.ts';
import { defineAgent, defineTool } from '../../agents/index.ts';
import { createGateway, serveGateway } from '../../gateway/index.ts';
import { functionModels, lastUserMessage, scriptedModels, startPerdure } from '../../testing/index.ts';
import { createWorker } from '../../worker/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { testTemporal } from '../support/temporal/temporal-server.ts';

const double = defineTool({
  name: 'double',
  description: 'Doubles a number.',
  parameters: z.object({ n: z.number() }),
  execute: ({ n }) => 2 * n,
});
const agents = [defineAgent({ name: 'doubler', tools: [double] })];

test('a whole Perdure in memory answers by a script, calls tools, and fails loudly when the script is over', async () => {
  const models = scriptedModels([{ toolCalls: [{ tool: 'double', arguments: { n: 21 } }] }, { text: 'It is 42.' }]);
  await using started = await startPerdure({ model: models, agents });
  const session = started.perdure.session('one');
  expect((await session.ask('Double 21.')).text).toBe('It is 42.');
  expect(models.requests).toHaveLength(2);
  expect(JSON.stringify(models.requests[1]?.messages)).toContain('42');
  await expect(session.ask('And 4?')).rejects.toThrow(/no reply for call 3/);
});

test('a worker and a gateway of an application share an embedded store, and close it', async () => {
  const temporal = { address: await testTemporal(), namespace: 'default' };
  const shared = { dataDir: await temporaryFolder(), agents, taskQueue: 'test-own-worker' };
  const connection = await NativeConnection.connect({ address: temporal.address });
  const models = functionModels((request) => `You said: ${lastUserMessage(request)}`);
  const worker = await createWorker({ ...shared, models, temporal: { ...temporal, connection } });
  const gateway = await createGateway({ ...shared, temporal, tokens: { secret: 'ada', other: 'eve' } });
  expect((await gateway.fetch(new Request('http://localhost/v1/agents'))).status).toBe(401);

  const served = await serveGateway({ gateway, port: 0 });
  const posted = await fetch(`${served.url}/v1/sessions/trip/messages`, {
    method: 'POST',
    headers: { authorization: 'Bearer secret', 'content-type': 'application/json', prefer: 'wait=30' },
    body: JSON.stringify({ id: 'm-1', content: 'hello' }),
  });
  expect(await posted.json()).toMatchObject({ answer: 'You said: hello' });
  const snapshot = await createPerdure({ gateway: served.url, token: 'secret', user: 'ada' })
    .session('trip')
    .snapshot();
  expect(snapshot.agent).toBe('doubler');

  await served.close();
  expect(await worker.ready()).toBe(true);
  await worker.stop();
  // A connection that was given stays open.
  await connection.workflowService.getSystemInfo({});
  await connection.close();
});
