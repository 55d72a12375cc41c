import { afterAll, beforeAll, expect, test } from 'vitest';
import { endsRun } from '../../../contracts/events/event-traits.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { replaySession } from '../../support/temporal/replay-session.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ temporal: await testTemporal(), model: () => 'yes' });
});
afterAll(() => stack[Symbol.asyncDispose]());

/** Everything a session can be sent, from four sides at once. Not queried meanwhile: see "Queries" in docs/operations.md. */
async function traffic(key: SessionKey): Promise<void> {
  await stack.sender.submit(key, { content: 'first' });
  const sender = async (name: string) => {
    for (let n = 0; n < 6; n += 1) {
      const whileRunning = (['enqueue', 'steer', 'interrupt'] as const)[n % 3]!;
      await Promise.all([
        stack.sender.submit(key, { content: `${name} ${n}`, whileRunning }),
        stack.sender.update(key, { state: { app: { [name]: n } } }),
        ...(n % 2 === 0
          ? [stack.sender.cancel(key, {}), stack.sender.signal(key, { content: `${name} signal ${n}` })]
          : []),
      ]);
    }
  };
  await Promise.all(['a', 'b', 'c', 'd'].map(sender));
  await stack.sender.submit(key, { content: 'last' });
  await stack.until(key, (events) => {
    const open = new Set(events.flatMap((event) => (event.type === 'message.received' ? [event.runId] : [])));
    for (const event of events) if (endsRun(event.type) && 'runId' in event) open.delete(event.runId as string);
    return open.size === 0;
  });
}

test('a session replays after steady traffic of every kind', async () => {
  for (let round = 0; round < 3; round += 1) {
    const key = stack.key();
    await traffic(key);
    await expect(replaySession(stack.client, key)).resolves.toBeUndefined();
  }
});
