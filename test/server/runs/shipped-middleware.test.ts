import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool, ToolError } from '../../../agents/define-tool.ts';
import { cacheAnswers } from '../../../agents/middleware/cache-answers.ts';
import { guard } from '../../../agents/middleware/guard.ts';
import { limitRepeatedCalls } from '../../../agents/middleware/limit-repeated-calls.ts';
import { redactPersonalData } from '../../../agents/middleware/redact-personal-data.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { ModelRequest } from '../../../models/model-client.ts';
import type { MessageContent } from '../../../contracts/session/message.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { lastUserMessage, type FunctionModel } from '../../../testing/function-models.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const executed: string[] = [];
const tools = [
  defineTool({
    name: 'look_up',
    description: 'Looks a customer up.',
    parameters: z.object({ name: z.string() }),
    idempotent: true,
    execute: ({ name }) => {
      executed.push(name);
      if (name === 'nobody') throw new ToolError('No customer ann@mail.example.');
      return { name, mail: 'ann@mail.example', cards: [4111111111111111], visits: 3 };
    },
  }),
];
const retry = { initialIntervalMs: 1, maxAttempts: 2 };
const rules = 'No questions about weapons.';
const AGENTS: readonly AgentSpec[] = [
  { name: 'redacting', tools: ['look_up'], middleware: ['redactPersonalData'] },
  { name: 'redacting-answers', middleware: [{ redactPersonalData: { answers: true, kinds: ['email'] } }] },
  { name: 'caching', middleware: ['cacheAnswers'] },
  { name: 'shared', middleware: [{ cacheAnswers: { scope: 'all' } }] },
  { name: 'guarded', middleware: [{ guard: { rules, model: 'function/judge', answers: true } }], policy: { retry } },
  { name: 'limited', tools: ['look_up'], middleware: [{ limitRepeatedCalls: { limit: 2 } }] },
];

const requests: ModelRequest[] = [];
/** The decision of the judge on texts that contain a word. */
const judgements: Readonly<Record<string, string>> = {
  rifle: '{"allowed": false}',
  fenced: '```json\n{"allowed": true}\n```',
  garbled: 'I think that it is fine.',
};
const model: FunctionModel = (request) => {
  requests.push(request);
  const asked = lastUserMessage(request);
  if (request.model === 'judge') {
    const [word] = Object.keys(judgements).filter((one) => asked.includes(one));
    return judgements[word ?? ''] ?? '{"allowed": true}';
  }
  const results = request.messages.filter(({ role }) => role === 'tool');
  const [, name = '', times = '0'] = /^look up (\w+) (\d)$/.exec(asked) ?? [];
  if (results.length < Number(times)) {
    return { toolCalls: [{ callId: 'c', tool: 'look_up', arguments: { name }, malformed: null }] };
  }
  return asked === 'turn bad' ? 'use a rifle' : `answer to ${asked}, for bob@mail.example`;
};

let stack: Stack;
beforeAll(async () => {
  const middleware = [redactPersonalData, cacheAnswers, guard, limitRepeatedCalls];
  stack = await startStack({ temporal: await testTemporal(), model, agents: AGENTS, tools, middleware });
});
afterAll(() => stack[Symbol.asyncDispose]());

async function ask(content: MessageContent, agent: string, key: SessionKey = stack.key()) {
  const before = requests.length;
  const { runId } = await stack.sender.submit(key, { content, agent });
  const events = await stack.ended(key);
  const calls = (await readRun(stack.db, key, runId ?? ''))?.toolCalls ?? [];
  return { events, last: events.at(-1), calls, requests: requests.slice(before) };
}

test('personal data reaches no model, in messages, results and errors of tools', async () => {
  const message = await ask('I am ann@mail.example, card 4111 1111 1111 1111', 'redacting');
  expect(message.requests.map(lastUserMessage)).toEqual(['I am [email], card [card]']);
  const { requests: sent, calls } = await ask('look up ann 1', 'redacting');
  expect(calls[0]?.result).toEqual({ name: 'ann', mail: '[email]', cards: ['[card]'], visits: 3 });
  expect(JSON.stringify(sent)).not.toContain('ann@mail');
  const failed = await ask('look up nobody 1', 'redacting');
  expect(failed.calls[0]).toMatchObject({ status: 'failed', error: 'No customer [email].' });
});

test('personal data in data parts and in the names of files reaches no model, and the message is kept as it was sent', async () => {
  const { requests: sent, events } = await ask(
    [
      { type: 'text', text: 'I am ann@mail.example' },
      { type: 'data', name: 'ann@mail.example', data: { mail: ['ann@mail.example'], visits: 3 } },
      { type: 'file', url: 'data:text/plain,Hello', name: 'ann@mail.example.txt' },
    ],
    'redacting',
  );
  expect(sent).toHaveLength(1);
  expect(JSON.stringify(sent)).not.toContain('ann@mail');
  expect(JSON.stringify(sent)).toContain('Hello');
  const decided = events.find(({ type }) => type === 'input.decided');
  expect(decided).toMatchObject({
    changedBy: ['redactPersonalData'],
    messages: [
      {
        content: 'I am [email]',
        parts: [
          { type: 'text', text: 'I am [email]' },
          { type: 'data', name: '[email]', data: { mail: ['[email]'], visits: 3 } },
          { type: 'file', name: expect.stringContaining('[email]') as string },
        ],
      },
    ],
  });
  expect(JSON.stringify(events.find(({ type }) => type === 'message.received'))).toContain('ann@mail.example');
});

test('a guard judges data parts and the names of files, too', async () => {
  const data: MessageContent = [
    { type: 'text', text: 'Is this allowed?' },
    { type: 'data', data: { item: 'rifle' } },
  ];
  expect((await ask(data, 'guarded')).last).toMatchObject({ type: 'run.failed', error: { code: 'refused' } });
  const file: MessageContent = [
    { type: 'text', text: 'Is this allowed?' },
    { type: 'file', url: 'data:text/plain,Hello', name: 'rifle.txt' },
  ];
  expect((await ask(file, 'guarded')).last).toMatchObject({ type: 'run.failed', error: { code: 'refused' } });
});

test('personal data in answers is redacted where it is asked for', async () => {
  expect((await ask('hi', 'redacting')).last).toMatchObject({ output: 'answer to hi, for bob@mail.example' });
  expect((await ask('hi', 'redacting-answers')).last).toMatchObject({ output: 'answer to hi, for [email]' });
});

test('a request that was answered before is answered from memory, for the same user only', async () => {
  const key = stack.key();
  const first = await ask('what is new?', 'caching', key);
  const again = await ask('what is new?', 'caching', { ...key, session: 'other' });
  expect([first.requests.length, again.requests.length]).toEqual([1, 0]);
  expect(again.last).toMatchObject({ output: 'answer to what is new?, for bob@mail.example', costUsd: 0 });
  expect((await ask('what is new?', 'caching')).requests).toHaveLength(1);
  expect((await ask('what is newer?', 'caching', { ...key, session: 'third' })).requests).toHaveLength(1);
  // With another history it is another request.
  const { runId } = await stack.sender.submit(key, { content: 'what is new?', agent: 'caching' });
  await stack.ended(key, 2);
  expect((await readRun(stack.db, key, runId ?? ''))?.usage.inputTokens).toBe(10);
});

test('answers are shared by all users where that is asked for', async () => {
  await ask('shared?', 'shared');
  expect((await ask('shared?', 'shared')).requests).toHaveLength(0);
});

test('a message and an answer that the rules do not allow are refused, and the decisions are counted', async () => {
  const good = await ask('hello', 'guarded');
  expect(good.requests.map((request) => request.model)).toEqual(['judge', 'test', 'judge']);
  expect(good.last).toMatchObject({ type: 'run.completed', usage: { inputTokens: 30 } });
  const bad = await ask('build a rifle', 'guarded');
  expect(bad.requests.map((request) => request.model)).toEqual(['judge']);
  expect(bad.last).toMatchObject({ error: { code: 'refused', detail: 'It is against the rules of this agent.' } });
  const answer = await ask('turn bad', 'guarded');
  expect(answer.last).toMatchObject({ error: { code: 'refused' } });
  expect(JSON.stringify(answer.events)).not.toContain('rifle');
  expect((await ask('fenced', 'guarded')).last).toMatchObject({ type: 'run.completed' });
});

test('without a decision the guard lets nothing pass', async () => {
  const { last, requests: sent } = await ask('garbled', 'guarded');
  expect(last).toMatchObject({
    error: { code: 'middleware_failed', detail: expect.stringContaining('function/judge gave no decision') },
  });
  expect(sent.map((request) => request.model)).toEqual(['judge', 'judge']);
});

test('identical calls past the limit fail with the reason, without an execution', async () => {
  executed.length = 0;
  const { calls, last } = await ask('look up ann 4', 'limited');
  expect(executed).toEqual(['ann', 'ann']);
  expect(calls.map(({ status }) => status)).toEqual(['completed', 'completed', 'failed', 'failed']);
  expect(calls[2]?.error).toContain('was called 2 times with these arguments in this run, and the limit is 2');
  expect(last).toMatchObject({ type: 'run.completed' });
});
