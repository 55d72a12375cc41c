import { expect, test } from 'vitest';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { KEEPS, retry, serverOf, modelsOf, serviceHistoryStacks, ofType, rebuilt } from './provider-and-stack.ts';

const stackOf = serviceHistoryStacks();

const LOST = [
  ['404', undefined],
  ['400 with its code', { status: 400, error: { code: 'previous_response_not_found', param: 'previous_response_id' } }],
  ['400 with its text alone', { status: 400, error: { message: 'Invalid `previous_response_id`.', code: null } }],
  ['410', { status: 410, error: { message: 'Expired.' } }],
] as const;

test.each(LOST)(
  'a lost conversation (%s) is built again from the transcript, with a note and an event, and goes on',
  async (_how, lost) => {
    const server = await serverOf(lost ? { lost } : {});
    const stack = await stackOf({ model: modelsOf(server) });
    const key = stack.key();
    await stack.sender.submit(key, { content: 'Paris?' });
    await stack.ended(key);
    server.forget();
    await stack.sender.submit(key, { content: 'Thanks' });
    await stack.ended(key, 2);
    await stack.sender.submit(key, { content: 'Bye' });
    const events = await stack.ended(key, 3);

    expect(rebuilt(events)).toEqual(['lost']);
    const [refused, again, next] = server.calls.slice(2);
    expect(refused).toMatchObject({ seen: null, body: { previous_response_id: server.calls[1]?.id } });
    expect(again?.seen).toEqual([
      'user: Paris?',
      'calls look_up {"city":"Paris"}',
      'result facts about Paris',
      'assistant: Answer to 3 items.',
      'user: Thanks',
    ]);
    expect(again?.body['instructions']).toMatch(/^Be brief\.\n\nSystem note: /);
    expect(next?.body).toMatchObject({ previous_response_id: again?.id, instructions: 'Be brief.' });
    // Within the attempt: no try was used up.
    expect(ofType(events, 'message.completed').map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1]);
  },
  60_000,
);

test('a conversation that has outgrown the context window is built again from the newest runs', async () => {
  const server = await serverOf();
  const agent = { ...KEEPS, policy: { retry, contextRuns: 1 } };
  const stack = await stackOf({ model: modelsOf(server), agents: [agent] });
  const key = stack.key();
  for (const [index, content] of ['One', 'Two'].entries()) {
    await stack.sender.submit(key, { content });
    await stack.ended(key, index + 1);
  }
  server.refuse({ status: 400, body: { error: { code: 'context_length_exceeded', message: 'Too long.' } } });
  await stack.sender.submit(key, { content: 'Three' });
  const events = await stack.ended(key, 3);

  expect(rebuilt(events)).toEqual(['too_large']);
  expect(server.calls.at(-1)?.seen).toEqual(['user: Two', 'assistant: Answer to 3 items.', 'user: Three']);
}, 60_000);

test('an imported session, and an agent that kept its history here before, are built again once', async () => {
  const server = await serverOf();
  const stack = await stackOf({ model: modelsOf(server) });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'Hello' });
  await stack.ended(key);
  const copy = { ...key, session: 'copy' };
  await importDocument(stack.db, copy, await exportOf(stack.db, key));
  await stack.sender.submit(copy, { content: 'There?' });
  await stack.until(copy, (found) => ofType(found, 'run.completed').length === 2);
  await stack.sender.submit(copy, { content: 'Bye' });
  const events = await stack.until(copy, (found) => ofType(found, 'run.completed').length === 3);

  expect(rebuilt(events)).toEqual(['not_kept']);
  expect(ofType(events, 'message.completed')[0]?.providerConversation).toBeUndefined();
  expect(server.calls[1]?.body['previous_response_id']).toBeUndefined();
  expect(server.calls.at(-1)?.body['previous_response_id']).toBe(server.calls.at(-2)?.id);
}, 60_000);
