import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { WAITING_NOTE } from '../../../core/conversation/answer-open-calls.ts';
import { listPendingItems } from '../../../store/inbox/list-items.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { lastOutput, pay, startAskingStack, type AskingStack } from '../../support/asking-stack.ts';
import { failedTasks, historyOf } from '../../support/temporal/raw-temporal.ts';

let asking: AskingStack;
beforeAll(async () => {
  asking = await startAskingStack();
});
afterAll(() => asking[Symbol.asyncDispose]());

/** A session whose run waits for an approval. */
async function waiting(agent: 'assistant' | 'proceeding') {
  const key = asking.stack.key(`waiting-${agent}`);
  const [item] = await asking.ask(key, [pay(5)], agent);
  await untilWaiting(key, item?.runId ?? '');
  return { key, item, runId: item?.runId ?? '' };
}

async function untilWaiting(key: SessionKey, runId: string): Promise<void> {
  await expect.poll(async () => (await readRun(asking.stack.db, key, runId))?.status, { interval: 20 }).toBe('waiting');
}

const outputs = (events: readonly PerdureEvent[]) =>
  events.flatMap((event) => (event.type === 'run.completed' ? [event.output] : []));

async function expectSound(key: SessionKey): Promise<void> {
  expect(failedTasks(await historyOf(asking.stack.client, workflowIdOf(key)))).toEqual([]);
}

test('queue: messages wait behind a run that waits, and are answered after it', async () => {
  const { stack } = asking;
  const { key, item } = await waiting('assistant');
  expect(await stack.sender.submit(key, { content: 'one' })).toMatchObject({ disposition: 'queued', position: 1 });
  expect(await stack.sender.submit(key, { content: 'two' })).toMatchObject({ disposition: 'queued', position: 2 });
  expect(outputs(await stack.events(key))).toEqual([]);
  await asking.approve(key, item);
  expect(outputs(await stack.ended(key, 3))).toEqual(['paid 5', 'echo one', 'echo two']);
  await expectSound(key);
});

test('proceed: the next run is answered at once, is given the open call with a note, and the waiting run goes on after it', async () => {
  const { stack } = asking;
  const { key, item, runId } = await waiting('proceeding');
  expect(await stack.sender.submit(key, { content: 'meanwhile' })).toMatchObject({ disposition: 'started' });
  expect(outputs(await stack.ended(key))).toEqual(['echo meanwhile']);
  const request = asking.requests.findLast(({ messages }) => messages.some(({ content }) => content === 'meanwhile'));
  expect(request?.messages).toContainEqual(
    expect.objectContaining({ role: 'tool', callId: 'pay-5', content: WAITING_NOTE }),
  );
  await untilWaiting(key, runId);
  await asking.approve(key, item);
  const events = await stack.ended(key, 2);
  expect(outputs(events)).toEqual(['echo meanwhile', 'paid 5']);
  await stack.sender.submit(key, { content: 'and now' });
  expect(lastOutput(await stack.ended(key, 3))).toBe('echo and now');
  // The transcript has the waiting run where it went on.
  const contents = asking.requests.at(-1)?.messages.map(({ content }) => content) ?? [];
  expect(contents.indexOf('meanwhile')).toBeLessThan(contents.indexOf('paid 5'));
  await expectSound(key);
});

test('proceed: a run that waits too, and one that answers, leave each other alone', async () => {
  const { stack } = asking;
  const { key, item } = await waiting('proceeding');
  await stack.sender.submit(key, { content: JSON.stringify([pay(6)]) });
  await expect.poll(async () => (await listPendingItems(stack.db, key)).length, { interval: 20 }).toBe(2);
  const [, second] = await listPendingItems(stack.db, key);
  await asking.approve(key, second);
  expect(outputs(await stack.ended(key))).toEqual(['paid 6']);
  await asking.approve(key, item);
  expect(outputs(await stack.ended(key, 2))).toEqual(['paid 6', 'paid 5']);
  await expectSound(key);
});

test.each(['assistant', 'proceeding'] as const)('steer: a message joins a run that waits (%s)', async (agent) => {
  const { stack } = asking;
  const { key, item } = await waiting(agent);
  const receipt = await stack.sender.submit(key, { content: 'hurry', whileRunning: 'steer' });
  expect(receipt).toMatchObject({ disposition: 'steered', runId: item?.runId });
  await asking.approve(key, item);
  const events = await stack.ended(key);
  expect(outputs(events)).toEqual(['echo hurry']);
  expect(asking.requests.at(-1)?.messages.map(({ content }) => content)).toEqual([
    expect.stringContaining('pay'),
    '',
    'paid 5',
    'hurry',
  ]);
});

test.each(['assistant', 'proceeding'] as const)(
  'interrupt: a message cancels a run that waits, and withdraws what it has asked for (%s)',
  async (agent) => {
    const { stack } = asking;
    const { key, item } = await waiting(agent);
    const receipt = await stack.sender.submit(key, { content: 'stop that', whileRunning: 'interrupt' });
    expect(receipt).toMatchObject({ disposition: 'started', position: 0 });
    const events = await stack.ended(key, 2);
    expect(outputs(events)).toEqual(['echo stop that']);
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['approval.withdrawn', 'tool.cancelled', 'run.cancelled']),
    );
    await expect(asking.approve(key, item)).rejects.toMatchObject({ cause: { type: 'already_decided' } });
    await expectSound(key);
  },
);

test('reject: a message is refused while a run waits', async () => {
  const { key, item } = await waiting('assistant');
  await expect(asking.stack.sender.submit(key, { content: 'no', whileRunning: 'reject' })).rejects.toMatchObject({
    code: 'run_in_progress',
  });
  await asking.approve(key, item);
  expect(lastOutput(await asking.stack.ended(key))).toBe('paid 5');
});

test('a run that waits is cancelled, and the run behind it goes on', async () => {
  const { stack } = asking;
  const { key, runId } = await waiting('assistant');
  await stack.sender.submit(key, { content: 'next' });
  expect(await stack.sender.cancel(key, {})).toEqual({ runId });
  const events = await stack.ended(key, 2);
  expect(outputs(events)).toEqual(['echo next']);
  expect(events).toContainEqual(expect.objectContaining({ type: 'approval.withdrawn' }));
  await expectSound(key);
});

test('a session that ends withdraws what its runs have asked for', async () => {
  const { stack } = asking;
  const { key } = await waiting('assistant');
  await stack.sender.end(key, {});
  const types = (await stack.events(key)).map(({ type }) => type);
  expect(types.slice(-4)).toEqual(['approval.withdrawn', 'tool.cancelled', 'run.cancelled', 'session.ended']);
  expect(await listPendingItems(stack.db, key)).toEqual([]);
  await stack.client.workflow.getHandle(workflowIdOf(key)).result();
});
