import { expect, test } from 'vitest';
import { workflowIdOf } from '../../src/contracts/session-key.ts';
import { heldModel } from '../support/held-model.ts';
import { historyOf } from '../support/raw-temporal.ts';
import { startStack } from '../support/stack.ts';
import { testTemporal } from '../support/temporal-server.ts';
test('debug', async () => {
  const held = heldModel();
  const stack = await startStack({ temporal: await testTemporal(), model: held.model });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'hold cancelled' });
  const call = await held.call('hold cancelled');
  const handle = stack.client.workflow.getHandle(workflowIdOf(key));
  await handle.cancel();
  await call.aborted;
  await handle.result().catch((e) => console.log(String(e)));
  for (const e of await historyOf(stack.client, workflowIdOf(key))) {
    const attr = Object.entries(e).find(([k, v]) => k.endsWith('Attributes') && v);
    console.log(e.eventId?.toString(), attr?.[0], JSON.stringify(attr?.[1]).slice(0, 400));
  }
  console.log(JSON.stringify(await stack.events(key), null, 1).slice(-900));
  expect(1).toBe(1);
  await stack[Symbol.asyncDispose]();
});
