import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { defineContextProvider } from '../../../agents/context/define-context-provider.ts';
import { userProfile } from '../../../agents/context/user-profile.ts';
import { defineTool } from '../../../agents/define-tool.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { startStack } from '../../support/stack.ts';
import { DATABASES, openTestDatabase } from '../../support/store/databases.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';
import { lastRun, providerStack } from './provider-stack.ts';

const shared = providerStack();

const typesOf = (events: readonly { readonly type: string }[]) => events.map(({ type }) => type);

const lookUp = (name: string, timeoutMs: number) =>
  defineTool({
    name,
    description: 'Looks up.',
    parameters: z.object({}),
    idempotent: true,
    timeoutMs,
    execute: () => `from ${name}`,
  });

const system = (call: number, runs: number, message: string) =>
  `Be brief.\n\nCall ${call} for assistant, after ${runs} runs: ${message}.\n\nAbout the user:\n- language: German`;

test.each(DATABASES)(
  'on %s, every model call of a run gets the same contributions in order, and afterRun takes effect before the run completes',
  async (kind) => {
    const database = await openTestDatabase(kind);
    onTestFinished(() => database.close());
    const tools = [lookUp('near', 1_000), lookUp('apart', 60_000), lookUp('unused', 1_000)];
    let calls = 0;
    const first = defineContextProvider({
      name: 'first',
      tools,
      stateSchema: z.object({ runs: z.number().default(0), last: z.string().optional() }),
      beforeRun: ({ messages, state, agent }) => {
        calls += 1;
        return {
          instructions: `Call ${calls} for ${agent}, after ${state.runs} runs: ${messages.map(({ content }) => content).join()}.`,
          messages: [
            { role: 'user', content: 'Who am I?' },
            { role: 'assistant', content: 'You are Ann.' },
          ],
          tools: ['near', tools[1]!],
        };
      },
      afterRun: ({ output, transcript, state }) => ({
        state: { runs: state.runs + 1, last: `${output} after ${transcript.map(({ role }) => role).join()}` },
      }),
    });
    await using stack = await startStack({
      temporal: await testTemporal(),
      db: database.db,
      context: [first, userProfile],
      agents: [{ name: 'assistant', instructions: 'Be brief.', context: ['first', 'userProfile'] }],
      model: (request) => {
        shared.requests.push(request);
        const { messages } = request;
        const own = messages.slice(messages.findLastIndex(({ content }) => content === 'You are Ann.'));
        const tool = ['near', 'apart'][own.filter(({ role }) => role === 'tool').length];
        return tool === undefined ? 'answer' : { toolCalls: [{ callId: 'c', tool, arguments: {}, malformed: null }] };
      },
    });
    const key = stack.key();
    await stack.sender.open(key, { metadata: { profile: { language: 'German' } } });
    await stack.sender.submit(key, { content: 'Hello' });
    await stack.ended(key);
    await stack.sender.submit(key, { content: 'Again' });
    const events = await stack.ended(key, 2);

    expect(shared.requests.map(({ instructions }) => instructions)).toEqual([
      ...Array.from({ length: 3 }, () => system(1, 0, 'Hello')),
      ...Array.from({ length: 3 }, () => system(2, 1, 'Again')),
    ]);
    for (const request of shared.requests) expect(request.tools.map(({ name }) => name)).toEqual(['near', 'apart']);
    const contents = (at: number) => shared.requests[at]?.messages.map(({ content }) => content);
    expect(contents(2)).toEqual(['Who am I?', 'You are Ann.', 'Hello', '', 'from near', '', 'from apart']);
    // Contributions are of one run: later ones see its own messages only.
    expect(contents(3)).toEqual([
      'Hello',
      '',
      'from near',
      '',
      'from apart',
      'answer',
      'Who am I?',
      'You are Ann.',
      'Again',
    ]);
    expect((await readSession(stack.db, key))?.state).toEqual({
      first: { runs: 2, last: 'answer after user,assistant,tool,assistant,tool,assistant' },
    });
    const last = events.slice(events.findLastIndex(({ type }) => type === 'message.completed'));
    expect(typesOf(last)).toEqual(['message.completed', 'session.updated', 'run.completed']);
    expect((await lastRun(stack, key)).contextCalls).toEqual([
      expect.objectContaining({
        provider: 'first',
        phase: 'before',
        status: 'completed',
        attempts: 1,
        contributed: expect.objectContaining({ messages: 2, tools: ['near', 'apart'] }),
      }),
      expect.objectContaining({ provider: 'userProfile', phase: 'before', status: 'completed' }),
      expect.objectContaining({ provider: 'first', phase: 'after', status: 'completed' }),
    ]);
  },
);

const without = shared.agentWith([]);
test('an agent without context providers leaves no rows of any', async () => {
  const key = shared.stack.key();
  await shared.stack.sender.submit(key, { content: 'Hello', agent: without });
  await shared.stack.ended(key);
  expect((await lastRun(shared.stack, key)).contextCalls).toBeUndefined();
  const rows = 'SELECT * FROM perdure.context_calls WHERE user_id = $1';
  expect(await shared.stack.db.query(rows, [key.user])).toEqual([]);
});

const told = defineContextProvider({
  name: 'told',
  beforeRun: ({ messages }) => ({ instructions: `About ${messages[0]?.content}.` }),
});
const forgetful = shared.agentWith([told], { history: false });
test('an agent without history gets the contributions', async () => {
  const key = shared.stack.key();
  for (const [at, content] of ['One', 'Two'].entries()) {
    await shared.stack.sender.submit(key, { content, agent: forgetful });
    await shared.stack.ended(key, at + 1);
  }
  expect(shared.requests.map(({ instructions, messages }) => [instructions, messages.length])).toEqual([
    ['Be brief.\n\nAbout One.', 1],
    ['Be brief.\n\nAbout Two.', 1],
  ]);
});

const attempts: number[] = [];
const noting = defineContextProvider({
  name: 'noting',
  afterRun: ({ attempt }) => {
    attempts.push(attempt);
    return {};
  },
});
const noted = shared.agentWith([told, noting]);
test('a run without a session calls its providers', async () => {
  const key = shared.stack.key('run-one');
  await shared.stack.sender.submitRun(key, { content: 'One', agent: noted });
  expect((await shared.stack.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'ok' });
  expect(shared.requests.map(({ instructions }) => instructions)).toEqual(['Be brief.\n\nAbout One.']);
  expect(attempts).toEqual([1]);
});
