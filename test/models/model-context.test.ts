import { expect, test } from 'vitest';
import { composeContext, requestOf, type ContextSource } from '../../models/model-context.ts';
import type { AgentVersion } from '../../contracts/agent.ts';

const agent = { hash: 'h', spec: { name: 'a' }, tools: [] };
const fields = { message: { reasoning_content: 'Hm.' }, calls: [{}] };
const reply = {
  role: 'assistant',
  runId: 'r',
  step: 1,
  content: '',
  toolCalls: [{ callId: 'c', tool: 'clock', arguments: {}, malformed: null }],
  partial: false,
  providerData: { model: 'openai/one', ...fields },
} as const;

test.each([
  ['openai/one', fields],
  ['openai/two', undefined],
  ['local/one', undefined],
])("a provider's fields are returned to the model that sent them: %s", (model, returned) => {
  const { messages } = modelRequest(agent, 'any', { step: 2, recovered: null, model }, [
    { ...reply, toolCalls: [...reply.toolCalls] },
  ]);
  expect(messages[0]).toHaveProperty('role', 'assistant');
  expect((messages[0] as { providerFields?: unknown }).providerFields).toEqual(returned);
});

test('a reply from before there were such fields has none', () => {
  const { providerData: _, ...older } = reply;
  const { messages } = modelRequest(agent, 'any', { step: 2, recovered: null, model: 'openai/one' }, [
    { ...older, toolCalls: [...older.toolCalls] },
  ]);
  expect(messages[0]).not.toHaveProperty('providerFields');
});

function modelRequest(
  version: AgentVersion,
  model: string,
  source: Omit<ContextSource, 'entries'>,
  entries: ContextSource['entries'],
) {
  return requestOf(composeContext(version, { ...source, entries }), model);
}

const rejected = { feedback: 'Your answer does not match.', repair: 1 };
const wrong = { ...reply, content: 'no JSON', toolCalls: [], rejected };
const position = { step: 2, recovered: null, model: 'openai/one' } as const;

test('a wrong answer is followed by what is wrong with it, in its own run', () => {
  const feedback = { role: 'user', content: rejected.feedback };
  expect(modelRequest(agent, 'any', position, [wrong]).messages[1]).toEqual(feedback);
  const repaired = [wrong, { ...wrong, step: 2, rejected: undefined }].map(({ rejected: one, ...entry }) =>
    one ? { ...entry, rejected: one } : entry,
  );
  const later = { role: 'user', runId: 'r2', messageId: 'm', content: 'Next' } as const;
  expect(modelRequest(agent, 'any', position, [...repaired, later]).messages[1]).toEqual(feedback);
});

test('what is wrong with the last answer of a run is not shown to the runs after it', () => {
  const later = { role: 'user', runId: 'r2', messageId: 'm', content: 'Next' } as const;
  const { messages } = modelRequest(agent, 'any', position, [wrong, later]);
  expect(messages.map(({ content }) => content)).toEqual(['no JSON', 'Next']);
});

test("the schema is the message's, else the agent's, else there is none", () => {
  const [own, its] = [
    { type: 'object', title: 'own' },
    { type: 'object', title: 'its' },
  ];
  const structured = { ...agent, spec: { ...agent.spec, output: { schema: its } } };
  expect(modelRequest(structured, 'any', { ...position, schema: own }, []).outputSchema).toEqual(own);
  expect(modelRequest(structured, 'any', position, []).outputSchema).toEqual(its);
  expect(modelRequest(agent, 'any', position, [])).not.toHaveProperty('outputSchema');
});

const message = (runId: string, content: string) => ({ role: 'user', runId, messageId: content, content }) as const;

test('what context providers add has its place and its origin', () => {
  const tool = { name: 'look_up', description: 'D.', parameters: {}, idempotent: true, timeoutMs: 1, retry: {} };
  const version = {
    hash: 'h',
    spec: { name: 'a', instructions: 'Be brief.', tools: ['own'] },
    tools: [{ ...tool, name: 'own' }],
  };
  const context = composeContext(version, {
    ...position,
    recovered: 'reopened',
    contributions: [
      { provider: 'crm', instructions: 'Ann is a customer.', tools: [tool, { ...tool, name: 'own' }] },
      { provider: 'memory', messages: [{ role: 'assistant', content: 'You like tea.' }] },
    ],
    entries: [message('r1', 'Hello'), message('r2', 'Again'), message('r2', 'Left')],
  });
  const memory = { kind: 'provider', name: 'memory' };
  const crm = { kind: 'provider', name: 'crm' };
  expect(context.instructions.map(({ origin }) => origin)).toEqual([
    { kind: 'agent' },
    crm,
    { kind: 'recovery', reason: 'reopened' },
  ]);
  expect(context.messages.map(({ origin, message: { content } }) => [content, origin])).toEqual([
    ['Hello', { kind: 'message', runId: 'r1', messageId: 'Hello' }],
    ['You like tea.', memory],
    ['Again', { kind: 'message', runId: 'r2', messageId: 'Again' }],
    ['Left', { kind: 'message', runId: 'r2', messageId: 'Left' }],
  ]);
  expect(context.tools.map(({ origin, tool: { name } }) => [name, origin])).toEqual([
    ['own', { kind: 'agent' }],
    ['look_up', crm],
  ]);
});
