import { expect, test } from 'vitest';
import { endsRun } from '../../../contracts/events/event-traits.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { openMemoryStore } from '../../support/store/memory-store.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { privateTemporal, testTemporal } from '../../support/temporal/temporal-server.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import type { ModelRequest } from '../../../models/model-client.ts';

/** Says how much it saw, and whether it was told of a recovery. */
const model = ({ messages, instructions }: ModelRequest): string =>
  `saw ${messages.length}${instructions.includes('System note:') ? ', told' : ''}`;

const outputs = async (stack: Stack, key: Parameters<Stack['events']>[0], runs: number) =>
  (await stack.ended(key, runs)).flatMap((event) => (event.type === 'run.completed' ? [event.output] : []));

test('an idle session whose workflow is terminated comes back with its next message, and its model is told once', async () => {
  await using stack = await startStack({ temporal: await testTemporal(), model });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'one' });
  await stack.ended(key);
  await stack.sender.update(key, { metadata: { plan: 'gold' }, state: { app: { n: 1 } } });
  await stack.sender.terminate(key, 'lost');
  await stack.sender.submit(key, { content: 'two' });
  await stack.ended(key, 2);
  await stack.sender.submit(key, { content: 'three' });
  expect(await outputs(stack, key, 3)).toEqual(['saw 1', 'saw 3, told', 'saw 5']);
  const recovered = (await stack.events(key)).filter(({ type }) => type === 'session.recovered');
  expect(recovered).toMatchObject([{ reason: 'workflow_lost' }]);
  const facts = {
    status: 'active',
    metadata: { plan: 'gold' },
    state: { app: { n: 1 } },
    messages: 3,
    runs: 3,
    errors: 0,
  };
  expect(await readSession(stack.db, key)).toMatchObject(facts);
});

test('a session that expired and is reopened is told so, and one that goes on is not', async () => {
  await using stack = await startStack({
    temporal: await testTemporal(),
    model,
    agents: [{ name: 'assistant', policy: { idleTimeoutMs: 1_000 } }],
  });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'one' });
  await stack.client.workflow.getHandle(workflowIdOf(key)).result();
  await stack.sender.submit(key, { content: 'two' });
  expect(await outputs(stack, key, 2)).toEqual(['saw 1', 'saw 3, told']);
});

test('sessions of an emptied Temporal server come back from the store, idle and in mid-run', async () => {
  const db = await openMemoryStore();
  const keys = { idle: { user: 'ada', session: 'idle' }, busy: { user: 'ada', session: 'busy' } };
  let held = true;
  const holding = (request: ModelRequest, { signal }: { signal: AbortSignal }) => {
    if (!held || !JSON.stringify(request.messages).includes('hold')) return model(request);
    return new Promise<string>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  };
  {
    await using temporal = await privateTemporal();
    await using stack = await startStack({ temporal: temporal.address, model: holding, db });
    await stack.sender.submit(keys.idle, { id: 'm1', content: 'one' });
    await stack.ended(keys.idle);
    await stack.sender.submit(keys.busy, { content: 'hold this' });
    await stack.until(keys.busy, (events) => events.some(({ type }) => type === 'run.started'));
  }
  held = false;
  await using temporal = await privateTemporal();
  const lostSessions = { everyMs: 300, quietForMs: 300 };
  await using stack = await startStack({ temporal: temporal.address, model: holding, db, lostSessions });
  const events = await stack.ended(keys.busy);
  expect(events.filter(({ type }) => endsRun(type))).toMatchObject([{ type: 'run.completed', output: 'saw 1, told' }]);
  await stack.sender.submit(keys.idle, { id: 'm2', content: 'two' });
  expect(await outputs(stack, keys.idle, 2)).toEqual(['saw 1', 'saw 3, told']);
  expect((await stack.events(keys.idle)).map(({ type }) => type)).toContain('session.recovered');
  await db.close();
});
