import { afterAll, beforeAll, expect, test } from 'vitest';
import { UPDATE } from '../../../contracts/names.ts';
import { runWorkflowIdOf, workflowIdOf } from '../../../contracts/session/session-key.ts';
import { listPendingItems } from '../../../store/inbox/list-items.ts';
import { lastOutput, pay, startAskingStack, toolCall, type AskingStack } from '../../support/asking-stack.ts';
import { failedTasks, historyOf } from '../../support/temporal/raw-temporal.ts';

let asking: AskingStack;
beforeAll(async () => {
  asking = await startAskingStack();
});
afterAll(() => asking[Symbol.asyncDispose]());

const paidIn = (session: string) => asking.payments.filter((one) => one.session === session).map(({ euros }) => euros);

test('an approved call is executed once, and its run goes on', async () => {
  const { stack } = asking;
  const key = stack.key('approved');
  const [item] = await asking.ask(key, [pay(5)]);
  expect(paidIn('approved')).toEqual([]);
  await asking.approve(key, item);
  expect(lastOutput(await stack.ended(key))).toBe('paid 5');
  expect(paidIn('approved')).toEqual([5]);
  expect(failedTasks(await historyOf(stack.client, workflowIdOf(key)))).toEqual([]);
});

test('a rejected call is not executed, and the model is given the reason', async () => {
  const { stack } = asking;
  const key = stack.key('rejected');
  const [item] = await asking.ask(key, [pay(6)]);
  await asking.approve(key, item, { decision: 'reject', reason: 'too much' });
  expect(lastOutput(await stack.ended(key))).toBe('Error: The call was not approved. Reason: too much');
  expect(paidIn('rejected')).toEqual([]);
});

test('a call is executed with edited arguments that the schema of the tool allows', async () => {
  const { stack } = asking;
  const key = stack.key('edited');
  const [item] = await asking.ask(key, [pay(7)]);
  await expect(asking.approve(key, item, { arguments: { euros: 1_001 } })).rejects.toMatchObject({
    cause: { type: 'invalid_request', message: expect.stringContaining('/euros') },
  });
  await asking.approve(key, item, { arguments: { euros: 2 } });
  const events = await stack.ended(key);
  expect(lastOutput(events)).toBe('paid 2');
  expect(events).toContainEqual(expect.objectContaining({ type: 'tool.called', arguments: { euros: 7 } }));
  expect(events).toContainEqual(expect.objectContaining({ type: 'approval.decided', arguments: { euros: 2 } }));
  expect(paidIn('edited')).toEqual([2]);
});

test('calls that need no approval are executed at once, beside one that waits', async () => {
  const { stack } = asking;
  const key = stack.key('beside');
  const [item] = await asking.ask(key, [pay(8), toolCall('look', {})]);
  const events = await stack.until(key, (found) => found.some(({ type }) => type === 'tool.completed'));
  expect(events.filter(({ type }) => type === 'tool.completed')).toMatchObject([{ tool: 'look' }]);
  await asking.approve(key, item);
  expect(lastOutput(await stack.ended(key))).toBe('paid 8 | looked');
});

test('several calls are answered in any order, by different people, and a remembered approval answers the rest', async () => {
  const { stack } = asking;
  const key = stack.key('several');
  const items = await asking.ask(
    key,
    [1, 2, 3, 4, 5].map((euros) => pay(euros)),
  );
  expect(items).toHaveLength(5);
  const people = ['bob', 'cora', 'dan'];
  for (const [at, index] of [3, 4, 0].entries()) {
    const answer =
      index === 4 ? ({ decision: 'reject' } as const) : index === 0 ? ({ remember: 'session' } as const) : {};
    await asking.approve(key, items[index], answer, people[at]);
  }
  const events = await stack.ended(key);
  expect(lastOutput(events)).toBe('paid 1 | paid 2 | paid 3 | paid 4 | Error: The call was not approved.');
  expect(paidIn('several').toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
  const decided = events.filter((event) => event.type === 'approval.decided');
  expect(decided.map(({ by }) => by)).toEqual([...people, 'dan', 'dan']);
  expect(decided.map(({ callId }) => callId)).toEqual(['pay-4', 'pay-5', 'pay-1', 'pay-2', 'pay-3']);
  expect(decided.map(({ rememberedFrom }) => rememberedFrom)).toEqual([
    undefined,
    undefined,
    undefined,
    items[0]?.id,
    items[0]?.id,
  ]);
  await expect(asking.approve(key, items[1], {}, 'eve')).rejects.toMatchObject({
    cause: { type: 'already_decided', message: expect.stringContaining('answered by "dan"') },
  });
  // Remembered: later calls of the tool are executed without asking.
  await stack.sender.submit(key, { content: JSON.stringify([pay(9)]) });
  const after = await stack.ended(key, 2);
  expect(lastOutput(after)).toBe('paid 9');
  expect(after.filter(({ type }) => type === 'approval.requested')).toHaveLength(5);
});

test('an approval that is remembered for the user approves what waits in the other sessions of the user, and nothing of other users', async () => {
  const { stack, payments } = asking;
  const key = stack.key('first');
  const other = { user: key.user, session: 'other' };
  const untouched = stack.key('foreign');
  const [item] = await asking.ask(key, [pay(11)]);
  await asking.ask(other, [pay(12), toolCall('locate', {})]);
  await asking.ask(untouched, [pay(13)]);
  await asking.approve(key, item, { remember: 'user' });
  await stack.ended(key);
  const events = await stack.until(other, (found) => found.some(({ type }) => type === 'tool.completed'));
  expect(events.filter((event) => event.type === 'approval.decided')).toMatchObject([{ rememberedFrom: item?.id }]);
  // A call of another kind goes on waiting.
  const [locate] = await listPendingItems(stack.db, other);
  expect(locate).toMatchObject({ kind: 'client' });
  await asking.answer(other, locate, { result: { city: 'Ulm' } });
  expect(lastOutput(await stack.ended(other))).toBe('paid 12 | {"city":"Ulm"}');
  expect(await listPendingItems(stack.db, untouched)).toMatchObject([{ kind: 'approval' }]);
  const paid = payments.map(({ euros }) => euros).filter((euros) => euros > 10 && euros < 14);
  expect(paid.toSorted((a, b) => a - b)).toEqual([11, 12]);
});

test('arguments that the tool does not accept fail without asking anybody', async () => {
  const { stack } = asking;
  const key = stack.key('invalid');
  await stack.sender.submit(key, { content: JSON.stringify([pay(5_000)]) });
  const events = await stack.ended(key);
  expect(lastOutput(events)).toContain('Error: The arguments are not valid');
  expect(events.some(({ type }) => type === 'approval.requested')).toBe(false);
});

test('a client hands in the result of its tool, which its schema allows', async () => {
  const { stack } = asking;
  const key = stack.key('client');
  const [item] = await asking.ask(key, [toolCall('locate', {})]);
  expect(item).toMatchObject({ kind: 'client', tool: 'locate' });
  await expect(asking.answer(key, item, { result: { town: 'Ulm' } })).rejects.toMatchObject({
    cause: { type: 'invalid_request' },
  });
  const answers = await Promise.allSettled(
    ['Ulm', 'Bonn'].map(async (city) => await asking.answer(key, item, { result: { city } })),
  );
  expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(lastOutput(await stack.ended(key))).toMatch(/^\{"city":"(?:Ulm|Bonn)"\}$/);
});

test('the user is asked a question with choices', async () => {
  const { stack } = asking;
  const key = stack.key('choices');
  const [item] = await asking.ask(key, [toolCall('ask_user', { question: 'Which?', choices: ['red', 'blue'] })]);
  expect(item).toMatchObject({ schema: { enum: ['red', 'blue'] } });
  await expect(asking.answer(key, item, { result: 'green' })).rejects.toMatchObject({
    cause: { type: 'invalid_request' },
  });
  await asking.answer(key, item, { result: 'blue' });
  expect(lastOutput(await stack.ended(key))).toBe('blue');
});

test('the user is asked for an answer with a schema, which holds for it; a schema that is none fails the call', async () => {
  const { stack } = asking;
  const key = stack.key('schema');
  const schema = { type: 'object', properties: { seats: { type: 'integer', minimum: 1 } }, required: ['seats'] };
  const [item] = await asking.ask(key, [toolCall('ask_user', { question: 'How many?', schema })]);
  expect(item).toMatchObject({ kind: 'client', schema });
  for (const result of ['two', { seats: 0 }, { seats: 1.5 }, {}]) {
    await expect(asking.answer(key, item, { result })).rejects.toMatchObject({ cause: { type: 'invalid_request' } });
  }
  await asking.answer(key, item, { result: { seats: 2 } });
  expect(lastOutput(await stack.ended(key))).toBe('{"seats":2}');
  const invalid = toolCall('ask_user', { question: 'How many?', schema: { type: 'object', properties: 7 } });
  await stack.sender.submit(key, { content: JSON.stringify([invalid]) });
  expect(lastOutput(await stack.ended(key, 2))).toContain('Error: The schema is not valid');
});

test('a run without a session waits as well, and its workflow ends with it', async () => {
  const { stack } = asking;
  const key = stack.key('one-off');
  await stack.sender.submitRun(key, { content: JSON.stringify([toolCall('locate', {})]) });
  await stack.until(key, (events) => events.some(({ type }) => type === 'client_call.requested'));
  const [item] = await listPendingItems(stack.db, key);
  const handle = stack.client.workflow.getHandle(runWorkflowIdOf(key));
  await handle.executeUpdate(UPDATE.answerClientCall, {
    args: [{ itemId: item?.id, answer: { result: { city: 'Ulm' } } }],
  });
  expect(lastOutput(await stack.ended(key))).toBe('{"city":"Ulm"}');
  await handle.result();
});
