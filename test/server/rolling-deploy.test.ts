import { expect, test } from 'vitest';
import { WORKFLOW } from '../../src/contracts/names.ts';
import { workflowIdOf } from '../../src/contracts/session-key.ts';
import { startWorker } from '../../src/worker/start-worker.ts';
import { send } from '../store/conversation.ts';
import { functionModels } from '../support/function-model.ts';
import { registry, startStack } from '../support/stack.ts';
import { testTemporal } from '../support/temporal-server.ts';

test('a run for an agent that only a newer worker has waits for that one', async () => {
  const address = await testTemporal();
  await using old = await startStack({ temporal: address, model: () => 'from the old one' });
  const key = old.key();
  // Admitted as by the newer worker; then only the old one is there to take it up.
  await send(old.db, key, { id: 'm1', content: 'hello', agent: 'other' });
  const { taskQueue } = old;
  await old.client.workflow.start(WORKFLOW.session, { workflowId: workflowIdOf(key), taskQueue });
  const newer = await startWorker({
    db: old.db,
    live: old.live,
    agents: registry([{ name: 'other' }], []),
    models: functionModels(() => 'from the newer one'),
    connection: { address, namespace: 'default' },
    taskQueue,
  });
  try {
    await old.stopWorker();
    expect((await old.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'from the newer one' });
  } finally {
    await newer.stop();
  }
});
