import { expect, onTestFinished, test, vi } from 'vitest';
import { callJson, pathOf, readStream } from '../../support/gateway/http-calls.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';

// Several processes are started, and the worker looks for lost sessions every half minute.
vi.setConfig({ testTimeout: 240_000 });

test('a message whose gateway is killed before Temporal has its signal is answered once', async () => {
  const { url, drop } = await createPostgresDatabase();
  onTestFinished(drop);
  const temporal = await privateTemporal();
  onTestFinished(() => temporal.stop());
  const home = perdureHome({ DATABASE_URL: url, TEMPORAL_ADDRESS: temporal.address });
  const worker = await home.start('worker');
  // Its signals reach nobody.
  const cutOff = await home.start('gateway', { TEMPORAL_ADDRESS: '127.0.0.1:1' });
  const message = { id: 'one', content: '@echo=hello' };
  const receipt = await callJson<{ runId: string }>(
    { url: cutOff.url, user: 'ann' },
    'POST',
    pathOf('s', 'messages'),
    message,
  );
  await cutOff.kill9();
  const gateway = await home.start('gateway');
  const caller = { url: gateway.url, user: 'ann' };
  await readStream(caller, 's', {}, ({ event }) => event.type === 'run.completed');
  const answered = await callJson<object>(caller, 'POST', pathOf('s', 'messages'), message, { prefer: 'wait=30' });
  expect(answered).toMatchObject({ receipt, answer: 'hello' });
  expect(home.calls()).toHaveLength(1);
  await gateway.stop();
  await worker.stop();
});
