import { expect, onTestFinished, test } from 'vitest';
import { SIGNAL } from '../../../contracts/names.ts';
import type { ServerLoss } from '../../../contracts/session/server-loss.ts';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { startStack } from '../../support/stack.ts';
import { historyOf } from '../../support/temporal/raw-temporal.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

async function servedSession() {
  const held = heldModel();
  const stack = await startStack({ temporal: await testTemporal(), model: held.model });
  onTestFinished(() => stack[Symbol.asyncDispose]());
  const key = stack.key();
  await stack.sender.signal(key, { content: 'hold it' });
  const first = await held.call('hold it');
  const handle = stack.client.workflow.getHandle(workflowIdOf(key));
  return {
    stack,
    held,
    key,
    first,
    report: (loss?: ServerLoss) => handle.signal(SIGNAL.serverLost, ...(loss ? [loss] : [])),
    epoch: () => epochOf(stack, key),
    /** Activities that the workflow has started, once it has processed every signal. */
    activities: async (signals: number) => {
      await expect
        .poll(
          async () => {
            const events = await historyOf(stack.client, workflowIdOf(key));
            const at = events.flatMap((event, index) =>
              event.workflowExecutionSignaledEventAttributes ? [index] : [],
            );
            const done = events.findLastIndex((event) => event.workflowTaskCompletedEventAttributes);
            return at.length === signals && done > (at.at(-1) ?? 0);
          },
          { timeout: 10_000, interval: 20 },
        )
        .toBe(true);
      return (await historyOf(stack.client, workflowIdOf(key))).filter(
        (event) => event.activityTaskScheduledEventAttributes,
      ).length;
    },
  };
}

async function epochOf({ db }: Awaited<ReturnType<typeof startStack>>, { user, session }: SessionKey): Promise<number> {
  const [row] = await db.query<{ epoch: number }>(
    'SELECT epoch FROM perdure.sessions WHERE user_id = $1 AND session_id = $2',
    [user, session],
  );
  return row?.epoch ?? Number.NaN;
}

test('the second signal about a lost server leaves the activity alone that the first one has started', async () => {
  const { stack, held, key, report, epoch, activities } = await servedSession();
  const lost = (await epoch()) + 1;
  await report({ epoch: lost });
  const second = await held.call('hold it');
  expect(await epoch()).toBe(lost);
  await report({ epoch: lost });
  expect(await activities(3)).toBe(2);
  second.answer('once');
  const events = await stack.ended(key);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'once' });
  expect(held.calls('hold it')).toBe(2);
}, 60_000);

test('a signal about a server that has returned leaves the activity alone that goes on', async () => {
  const { stack, held, key, first, report, activities } = await servedSession();
  await report({ epoch: 0 });
  expect(await activities(2)).toBe(1);
  first.answer('once');
  await stack.ended(key);
  expect(held.calls('hold it')).toBe(1);
}, 60_000);

test('a signal of an earlier version, without an epoch, starts another activity each time', async () => {
  const { stack, held, key, report } = await servedSession();
  await report();
  await held.call('hold it');
  await report();
  (await held.call('hold it')).answer('at last');
  const events = await stack.ended(key);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'at last' });
}, 60_000);
