import { expect, onTestFinished, test } from 'vitest';
import { createInProcessLive } from '../../../live/in-process.ts';
import { startWorker } from '../../../worker/start-worker.ts';
import { openTestDatabase } from '../../support/store/databases.ts';
import { functionModels } from '../../../testing/function-models.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { registry } from '../../support/stack.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';

test('doctor says whether Temporal is reachable and whether a worker polls it', async () => {
  const temporal = await privateTemporal();
  onTestFinished(() => temporal.stop());
  const worker = async () => {
    const { stdout } = await runCli(['doctor'], { TEMPORAL_ADDRESS: temporal.address, PERDURE_PORT: '0' });
    expect(stdout).toContain(`OK       Temporal: reachable at ${temporal.address}`);
    return /^(.*Worker: .*)$/m.exec(stdout)?.[1];
  };
  expect(await worker()).toBe('PROBLEM  Worker: none polling');

  const database = await openTestDatabase('pglite');
  const running = await startWorker({
    db: database.db,
    live: createInProcessLive(),
    agents: registry([{ name: 'assistant' }], []),
    models: functionModels(() => 'yes'),
    connection: { address: temporal.address, namespace: 'default' },
    schedules: false,
  });
  onTestFinished(async () => {
    await running.stop();
    await database.close();
  });
  await expect.poll(worker, { timeout: 30_000 }).toBe('OK       Worker: 1 worker polling');
}, 120_000);
