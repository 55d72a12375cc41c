import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { defineAgent } from '../../../agents/define-agent.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { resolvePolicy } from '../../../core/policy.ts';
import { listPendingItems } from '../../../store/inbox/list-items.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readSnapshot } from '../../../store/read/read-snapshot.ts';
import { lastOutput, startAskingStack, toolCall, type AskingStack } from '../../support/asking-stack.ts';
import { freePort } from '../../support/mcp/free-port.ts';
import { askingServer, everythingServer } from '../../support/mcp/server-settings.ts';
import { startEverythingOverHttp } from '../../support/mcp/servers.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

type Agent = Parameters<typeof defineAgent>[0];
type Generation = '2025' | '2026';

/** An agent that books by a server of a generation of the protocol. The server writes what it does to `effects`. */
const booking = (name: string, effects: string, generation: Generation, more: Partial<Agent> = {}): Agent => ({
  name,
  tools: [{ mcp: 'trains', elicitation: true }],
  mcpServers: { trains: askingServer(effects, generation) },
  ...more,
});
const asksEverything = (
  name: string,
  server: NonNullable<Agent['mcpServers']>[string],
  elicitation: boolean,
): Agent => ({
  name,
  tools: [{ mcp: 'everything', elicitation }],
  mcpServers: { everything: server },
});

const INVALID = { cause: { type: 'invalid_request' } };

let effects: string;
let asking: AskingStack;
beforeAll(async () => {
  effects = join(await temporaryFolder(afterAll), 'effects.jsonl');
  writeFileSync(effects, '');
  const agents = [
    booking('2025', effects, '2025'),
    booking('2026', effects, '2026'),
    booking('hasty-2025', effects, '2025', { tools: [{ mcp: 'trains', elicitation: { waitMs: 1_000 } }] }),
    booking('hasty-2026', effects, '2026', { approvals: { expiresMs: 1_000 } }),
    asksEverything('plain', everythingServer(), false),
    asksEverything('stdio', everythingServer(), true),
  ];
  asking = await startAskingStack({ agents: agents.map((agent) => defineAgent(agent).spec) });
});
afterAll(() => asking[Symbol.asyncDispose]());

/** How often the server has booked. */
const booked = (): number => readFileSync(effects, 'utf8').split('"booked"').length - 1;

async function nextItem({ stack }: AskingStack, key: SessionKey, count: number) {
  await stack.until(key, (events) => events.filter(({ type }) => type === 'client_call.requested').length === count);
  return (await listPendingItems(stack.db, key))[0];
}

test.each(['2025', '2026'] as const)(
  'by the protocol of %s, each question of a server in the middle of a call is one of ask_user, and the call ends with the answers',
  async (generation) => {
    const { stack } = asking;
    const key = stack.key(`answers-${generation}`);
    const before = booked();
    const [seat] = await asking.ask(key, [toolCall('book', {})], generation);
    expect(seat).toMatchObject({
      kind: 'client',
      tool: 'ask_user',
      callId: 'book/1',
      arguments: { question: 'Which seat?', server: 'trains' },
      schema: { type: 'object', required: ['row', 'window'] },
    });
    await expect
      .poll(async () => (await readSnapshot(stack.db, key, () => resolvePolicy()))?.waitingFor)
      .toMatchObject({ what: 'client', who: 'an answer by the user or an operator', until: seat?.expiresAt });
    // Not by the schema: it goes on waiting.
    await expect(asking.answer(key, seat, { result: { row: 99, window: true } })).rejects.toMatchObject(INVALID);
    await asking.answer(key, seat, { result: { row: 3, window: true } });
    const sure = await nextItem(asking, key, 2);
    expect(sure).toMatchObject({ callId: 'book/2', arguments: { question: 'Row 3?' } });
    await asking.answer(key, sure, { result: { sure: true } });
    const events = await stack.ended(key);
    expect(lastOutput(events)).toBe('booked {"row":3,"window":true}: true');
    expect(booked()).toBe(before + 1);
    const run = await readRun(stack.db, key, seat?.runId ?? '');
    expect(run?.toolCalls.map(({ callId, status, attempts }) => ({ callId, status, attempts }))).toEqual([
      { callId: 'book', status: 'completed', attempts: 1 },
      { callId: 'book/1', status: 'completed', attempts: 0 },
      { callId: 'book/2', status: 'completed', attempts: 0 },
    ]);
  },
);

test.each(['2025', '2026'] as const)(
  'by the protocol of %s, a server is told that the user declines, or closes the question',
  async (generation) => {
    const { stack } = asking;
    for (const action of ['decline', 'cancel'] as const) {
      const key = stack.key(`${action}-${generation}`);
      const [seat] = await asking.ask(key, [toolCall('book', {})], generation);
      await asking.answer(key, seat, { action });
      const events = await stack.ended(key);
      expect(lastOutput(events)).toBe(`the user said ${action}`);
      expect(events.filter(({ type }) => type === 'client_call.answered')).toMatchObject([{ action }]);
    }
  },
);

test.each(['2025', '2026'] as const)(
  'by the protocol of %s, a question that nobody answers is over in time, and the server is told that it was closed',
  async (generation) => {
    const { stack } = asking;
    const key = stack.key(`nobody-${generation}`);
    const agent = `hasty-${generation}`;
    await stack.sender.submit(key, { content: JSON.stringify([toolCall('book', {})]), agent });
    const events = await stack.ended(key);
    expect(lastOutput(events)).toBe('the user said cancel');
    expect(events.filter(({ type }) => type.startsWith('client_call.')).map(({ type }) => type)).toEqual([
      'client_call.requested',
      'client_call.expired',
    ]);
  },
);

test('a cancel of the run ends the open call and withdraws the question', async () => {
  const { stack } = asking;
  const key = stack.key('cancelled');
  const before = booked();
  const [seat] = await asking.ask(key, [toolCall('book', {})], '2025');
  await stack.sender.cancel(key, {});
  const events = await stack.ended(key);
  expect(events.at(-1)).toMatchObject({ type: 'run.cancelled' });
  expect(events.filter(({ type }) => type === 'client_call.withdrawn')).toMatchObject([{ itemId: seat?.id }]);
  expect(events.filter(({ type }) => type === 'tool.unknown')).toMatchObject([{ callId: 'book' }]);
  await expect(asking.answer(key, seat, { action: 'decline' })).rejects.toMatchObject({
    cause: { type: 'already_decided' },
  });
  expect(booked()).toBe(before);
});

async function answersEverything(one: AskingStack, agent: string): Promise<string> {
  const { stack } = one;
  const key = stack.key(`everything-${agent}`);
  const [item] = await one.ask(key, [toolCall('trigger-elicitation-request', {}, 'call')], agent);
  expect(item).toMatchObject({ tool: 'ask_user', arguments: { server: 'everything' } });
  await expect(one.answer(key, item, { result: { name: 'Ada', integer: 1_000 } })).rejects.toMatchObject(INVALID);
  await one.answer(key, item, { result: { name: 'Ada', integer: 7 } });
  return lastOutput(await stack.ended(key));
}

test('a server of the makers of the protocol asks over stdio, and gets the answer', async () => {
  expect(await answersEverything(asking, 'stdio')).toMatch(/User provided the requested information.*- Name: Ada/);
});

test('a server of the makers of the protocol asks over HTTP, and gets the answer', async () => {
  const { url } = await startEverythingOverHttp(await freePort());
  const overHttp = await startAskingStack({ agents: [defineAgent(asksEverything('http', { url }, true)).spec] });
  onTestFinished(async () => await overHttp[Symbol.asyncDispose]());
  expect(await answersEverything(overHttp, 'http')).toMatch(/User provided the requested information.*- Name: Ada/);
});

test('an agent without the setting is not offered the tools with which a server asks', async () => {
  const { stack, requests } = asking;
  const key = stack.key('plain');
  await stack.sender.submit(key, { content: 'Hi', agent: 'plain' });
  await stack.ended(key);
  const names = requests.at(-1)?.tools.map(({ name }) => name) ?? [];
  expect(names).toContain('echo');
  expect(names).not.toContain('trigger-elicitation-request');
});

test('a worker that shuts down withdraws the question over an open call, which then ends by itself', async () => {
  const { stack } = asking;
  const key = stack.key('drained');
  await asking.ask(key, [toolCall('book', {})], '2025');
  await stack.stopWorker();
  const events = await stack.events(key);
  expect(events.filter(({ type }) => type === 'client_call.withdrawn')).toHaveLength(1);
  expect(events.filter(({ type }) => type === 'tool.completed')).toMatchObject([{ result: 'the user said cancel' }]);
  await stack.startWorker();
  expect(lastOutput(await stack.ended(key))).toBe('the user said cancel');
});
