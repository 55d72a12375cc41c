import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { defineAgent } from '../../../agents/define-agent.ts';
import { listPendingItems } from '../../../store/inbox/list-items.ts';
import { readRun } from '../../../store/read/read-run.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { lastOutput, startAskingStack, toolCall, type AskingStack } from '../../support/asking-stack.ts';
import { askingServer, everythingServer } from '../../support/mcp/server-settings.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

type Agent = Parameters<typeof defineAgent>[0];

async function askingStack(agent: Agent): Promise<AskingStack> {
  const asking = await startAskingStack({ agents: [defineAgent(agent).spec] });
  onTestFinished(async () => await asking[Symbol.asyncDispose]());
  return asking;
}

/** A stack with a server of a generation of the protocol, and what the server did. */
async function bookingStack(generation: '2025' | '2026', more: Partial<Agent> = {}) {
  const effects = join(await temporaryFolder(), 'effects.jsonl');
  const asking = await askingStack({
    name: 'assistant',
    tools: [{ mcp: 'trains', elicitation: true }],
    mcpServers: { trains: askingServer(effects, generation) },
    ...more,
  });
  const done = (): object[] =>
    readFileSync(effects, 'utf8')
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as { pid: number }]))
      .map(({ pid: _, ...did }) => did);
  return { asking, done };
}

async function nextItem({ stack }: AskingStack, key: SessionKey, count: number) {
  await stack.until(
    key,
    (events) => events.filter(({ type }) => type === 'client_call.requested').length === count,
  );
  return (await listPendingItems(stack.db, key))[0];
}

test.each(['2025', '2026'] as const)(
  'by the protocol of %s, each question of a server in the middle of a call is one of ask_user, and the call ends with the answers',
  async (generation) => {
    const { asking, done } = await bookingStack(generation);
    const { stack } = asking;
    const key = stack.key();
    const [seat] = await asking.ask(key, [toolCall('book', {})]);
    expect(seat).toMatchObject({
      kind: 'client',
      tool: 'ask_user',
      callId: 'book/1',
      arguments: { question: 'Which seat?', server: 'trains' },
      schema: { type: 'object', required: ['row', 'window'] },
    });
    // Not by the schema: it goes on waiting.
    await expect(asking.answer(key, seat, { result: { row: 99, window: true } })).rejects.toThrow();
    await asking.answer(key, seat, { result: { row: 3, window: true } });
    const sure = await nextItem(asking, key, 2);
    expect(sure).toMatchObject({ callId: 'book/2', arguments: { question: 'Row 3?' } });
    await asking.answer(key, sure, { result: { sure: true } });
    const events = await stack.ended(key);
    expect(lastOutput(events)).toBe('booked {"row":3,"window":true}: true');
    expect(done().filter((did) => 'booked' in did)).toHaveLength(1);
    const started = events.find(({ type }) => type === 'run.started');
    const run = await readRun(stack.db, key, started?.type === 'run.started' ? started.runId : '');
    expect(run?.toolCalls.map(({ callId, status, attempts }) => ({ callId, status, attempts }))).toEqual([
      { callId: 'book', status: 'completed', attempts: 1 },
      { callId: 'book/1', status: 'completed', attempts: 0 },
      { callId: 'book/2', status: 'completed', attempts: 0 },
    ]);
  },
);

test.each(['2025', '2026'] as const)('by the protocol of %s, a server is told that the user declines, or closes the question', async (generation) => {
  const { asking } = await bookingStack(generation);
  const { stack } = asking;
  for (const action of ['decline', 'cancel'] as const) {
    const key = stack.key(action);
    const [seat] = await asking.ask(key, [toolCall('book', {})]);
    await asking.answer(key, seat, { action });
    expect(lastOutput(await stack.ended(key))).toBe(`the user said ${action}`);
  }
});
