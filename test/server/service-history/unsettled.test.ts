import { expect, test } from 'vitest';
import { KEEPS, retry, serverOf, modelsOf, serviceHistoryStacks, ofType, rebuilt } from './provider-and-stack.ts';

const stackOf = serviceHistoryStacks();

test.each([
  ['409', { status: 409, body: { error: { message: 'Locked.' } } }],
  ['400 conversation_locked', { status: 400, body: { error: { code: 'conversation_locked', param: 'conversation' } } }],
] as const)(
  'a locked conversation (%s) is a retryable failure, and the retry carries the id',
  async (_how, locked) => {
    const server = await serverOf();
    const stack = await stackOf({ model: modelsOf(server, true) });
    const key = stack.key();
    await stack.sender.submit(key, { content: 'Hello' });
    await stack.ended(key);
    server.refuse(locked);
    await stack.sender.submit(key, { content: 'Bye' });
    const events = await stack.ended(key, 2);

    expect(rebuilt(events)).toEqual([]);
    expect(ofType(events, 'message.completed').at(-1)).toMatchObject({ attempt: 2 });
    expect(server.calls.map(({ body }) => body['conversation'])).toEqual(['conv_1', 'conv_1', 'conv_1']);
  },
  60_000,
);

test('a conversation with a reply that was not committed is left, and built again in another one', async () => {
  const server = await serverOf();
  const agent = { ...KEEPS, policy: { retry, modelSilenceMs: 1_000 } };
  const stack = await stackOf({ model: modelsOf(server, true), agents: [agent] });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'Paris?' });
  await stack.ended(key);
  server.refuse('loses-reply');
  await stack.sender.submit(key, { content: 'Thanks' });
  await stack.ended(key, 2);
  await stack.sender.submit(key, { content: 'Bye' });
  const events = await stack.ended(key, 3);

  expect(rebuilt(events)).toEqual(['unsettled']);
  expect(server.calls.at(-1)?.seen).toEqual([
    'user: Paris?',
    'calls look_up {"city":"Paris"}',
    'result facts about Paris',
    'assistant: Answer to 3 items.',
    'user: Thanks',
    'assistant: Answer to 5 items.',
    'user: Bye',
  ]);
  expect(server.calls.at(-1)?.body['conversation']).toMatch(/^conv_/);
  expect(server.others.filter((one) => one.startsWith('POST'))).toHaveLength(2);
}, 60_000);

test('a stored response is continued although a later reply to it was lost', async () => {
  const server = await serverOf();
  const agent = { ...KEEPS, policy: { retry, modelSilenceMs: 1_000 } };
  const stack = await stackOf({ model: modelsOf(server), agents: [agent] });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'Hello' });
  await stack.ended(key);
  server.refuse('loses-reply');
  await stack.sender.submit(key, { content: 'Bye' });
  const events = await stack.ended(key, 2);

  expect(rebuilt(events)).toEqual([]);
  const [first, , again] = server.calls;
  expect(again).toMatchObject({ body: { previous_response_id: first?.id } });
  expect(again?.seen).toEqual(['user: Hello', 'assistant: Answer to 1 items.', 'user: Bye']);
}, 60_000);

test.each([false, true])(
  'messages of an interrupted and of a failed run reach the provider with the next one (conversations: %s)',
  async (conversations) => {
    const server = await serverOf();
    const stack = await stackOf({ model: modelsOf(server, conversations) });
    const key = stack.key();
    await stack.sender.submit(key, { content: 'Hello' });
    await stack.ended(key);
    server.refuse('hangs');
    await stack.sender.submit(key, { content: 'One' });
    await server.received(2);
    server.refuse({ status: 400, body: { error: { message: 'No.', param: 'input' } } });
    await stack.sender.submit(key, { content: 'Two', whileRunning: 'interrupt' });
    await stack.ended(key, 3);
    await stack.sender.submit(key, { content: 'Three' });
    const events = await stack.ended(key, 4);

    expect(events.at(-1)?.type).toBe('run.completed');
    expect(rebuilt(events)).toEqual([]);
    const users = server.calls.at(-1)?.seen?.join('\n');
    expect(users).toMatch(
      /^user: Hello\nassistant: Answer to 1 items\.\nuser: One\n(assistant: Ans.*\n)?user: Two\n\nThree$/,
    );
    expect(server.calls.at(-1)?.body).toMatchObject(
      conversations ? { conversation: 'conv_1' } : { previous_response_id: server.calls[0]?.id },
    );
  },
  60_000,
);

test('a run that is resumed after another one comes after it', async () => {
  const server = await serverOf();
  const stack = await stackOf({ model: modelsOf(server) });
  const key = stack.key();
  server.refuse('none', { status: 400, body: { error: { message: 'No.', param: 'input' } } });
  await stack.sender.submit(key, { content: 'Paris?' });
  const failed = ofType(await stack.ended(key), 'run.failed')[0];
  await stack.sender.submit(key, { content: 'Between' });
  await stack.ended(key, 2);
  // The next call continues with what the provider has of the failed run.
  expect(server.calls.at(-1)?.body['previous_response_id']).toBe(server.calls[0]?.id);
  await stack.sender.resume(key, { runId: failed?.runId ?? '' });
  const events = await stack.ended(key, 3);

  expect(events.at(-1)?.type).toBe('run.completed');
  expect(rebuilt(events)).toEqual(['unsettled']);
  expect(server.calls.at(-1)?.seen).toEqual([
    'user: Between',
    'assistant: Answer to 4 items.',
    'user: Paris?',
    'calls look_up {"city":"Paris"}',
    'result facts about Paris',
  ]);
}, 60_000);
