import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../../store/open-store.ts';
import type { Db } from '../../../store/db/db.ts';
import { lastUserMessage } from '../../../testing/function-models.ts';
import { startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

test('a message that comes right after an answer is answered before the activity of that answer has returned', async () => {
  const db = await openStore({});
  onTestFinished(() => db.close());
  const held = holdFirstEnd(db);
  await using stack = await startStack({
    temporal: await testTemporal(),
    db: held.db,
    model: (request) => lastUserMessage(request),
  });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'one' });
  await held.committed;
  const receipt = await stack.sender.submit(key, { content: 'two' });
  expect(receipt).toMatchObject({ disposition: 'started', position: 0 });
  const events = await stack.ended(key, 2);
  held.release();
  expect(events.flatMap((event) => (event.type === 'run.completed' ? [event.output] : []))).toEqual(['one', 'two']);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
});

/** A store whose first transaction that completes a run is committed but not answered until `release`. */
function holdFirstEnd(db: Db): { db: Db; committed: Promise<void>; release: () => void } {
  const committed = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  let holds = true;
  return {
    committed: committed.promise,
    release: () => released.resolve(),
    db: {
      ...db,
      transaction: async (work) => {
        const result = await db.transaction(work);
        if (holds && typeof result === 'object' && result && 'ended' in result && result.ended === true) {
          holds = false;
          committed.resolve();
          await released.promise;
        }
        return result;
      },
    },
  };
}
