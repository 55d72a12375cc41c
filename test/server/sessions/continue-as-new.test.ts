import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import { PerdureError } from '../../../contracts/errors.ts';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import type { Receipt, WhileRunning } from '../../../contracts/session/message.ts';
import type { ControlSnapshot } from '../../../contracts/session/session.ts';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { readMessage } from '../../../store/read/read-message.ts';
import { lastUserMessage, type FunctionModel } from '../../../testing/function-models.ts';
import { executionsOf, failedTasks } from '../../support/temporal/raw-temporal.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { privateTemporal, type PrivateTemporal } from '../../support/temporal/temporal-server.ts';

let temporal: PrivateTemporal;
let stack: Stack;
let asked = new Map<string, number>();

const once = defineTool({
  name: 'once',
  description: 'Acts, and may not act twice.',
  parameters: z.object({ n: z.number() }),
  timeoutMs: 5_000,
  execute: ({ n }) => {
    acted.push(n);
    return n;
  },
});
let acted: number[] = [];

/** `count N` takes N steps with one tool call each, `endless N` then hangs until it is stopped; `linger` streams for a while; else an echo. */
const model: FunctionModel = async (request, { signal, onDelta }) => {
  const said = lastUserMessage(request);
  asked.set(said, (asked.get(said) ?? 0) + 1);
  const steps = Number(/^(?:count|endless) (\d+)/.exec(said)?.[1] ?? 0);
  const done = request.messages.length - 1 - request.messages.findLastIndex(({ role }) => role === 'user');
  const n = done / 2;
  if (n < steps) return { toolCalls: [{ callId: `c${n}`, tool: 'once', arguments: { n }, malformed: null }] };
  if (said.startsWith('endless')) {
    return await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  }
  for (let turn = 0; said.startsWith('linger') && turn < 20; turn += 1) {
    await pause(5, undefined, { signal });
    onDelta({ kind: 'text', text: '.' });
  }
  return said.startsWith('linger') ? '.'.repeat(20) : `echo ${said}`;
};

beforeAll(async () => {
  temporal = await privateTemporal({ suggestContinueAsNewAt: 40 });
  stack = await startStack({
    temporal: temporal.address,
    model,
    tools: [once],
    agents: [
      { name: 'assistant', tools: ['once'], policy: { contextRuns: 2, maxSteps: 50 } },
      { name: 'fine', tools: ['once'], policy: { contextRuns: 2, maxSteps: 50, stepsPerActivity: 1 } },
    ],
  });
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  await temporal.stop();
});

const snapshotOf = (key: SessionKey) =>
  stack.client.workflow.getHandle(workflowIdOf(key)).query<ControlSnapshot>('session');

const ends = (events: readonly PerdureEvent[]) =>
  events.flatMap((event) =>
    event.type === 'run.completed' || event.type === 'run.cancelled' || event.type === 'run.failed' ? [event] : [],
  );

test.each(['assistant', 'fine'])(
  'under steady traffic a session (%s) passes through 20 continue-as-news and loses nothing',
  async (agent) => {
    const key = stack.key();
    asked = new Map();
    const receipts: Receipt[] = [];
    let sent = 0;
    const over = new AbortController();
    const ways: (WhileRunning | 'signal')[] = ['enqueue', 'enqueue', 'steer', 'enqueue', 'interrupt', 'signal'];
    const signalled: string[] = [];

    /** One sender: the next message follows the receipt of the last. */
    async function sender(name: string): Promise<void> {
      for (let n = 0; !over.signal.aborted; n += 1) {
        const id = `${name}-${n}`;
        const way = ways[sent % ways.length]!;
        const content = sent % 5 === 0 ? `linger ${id}` : `hello ${id}`;
        sent += 1;
        if (way === 'signal') signalled.push(await stack.sender.signal(key, { id, content, agent }));
        else receipts.push(await stack.sender.submit(key, { id, content, agent, whileRunning: way }));
        if (sent % 11 === 0) await stack.sender.cancel(key, {});
        // Not more than the session answers.
        await stack.until(key, (events) => ends(events).length > sent - 12);
      }
    }
    const senders = ['a', 'b', 'c', 'd'].map(sender);
    // Described, not queried: see query-replay.test.ts.
    const seen = new Set<string>();
    for (let answered = 1; seen.size <= 20; answered += 1) {
      await stack.until(key, (events) => ends(events).length >= answered);
      seen.add((await stack.client.workflow.getHandle(workflowIdOf(key)).describe()).runId);
    }
    over.abort();
    await Promise.all(senders);
    await stack.sender.submit(key, { id: 'last', content: 'the last' });
    const events = await stack.until(key, (found) =>
      ends(found).some((end) => 'output' in end && end.output === 'echo the last'),
    );

    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1));
    // Every acknowledged message has one run, and every run one end.
    const received = events.flatMap((event) => (event.type === 'message.received' ? [event] : []));
    const ids = received.map(({ messageId }) => messageId);
    expect(ids.toSorted()).toEqual([...receipts.map(({ messageId }) => messageId), ...signalled, 'last'].toSorted());
    expect(new Set(ids).size).toBe(ids.length);
    const ended = ends(events).map(({ runId }) => runId);
    expect(new Set(ended).size).toBe(ended.length);
    expect(new Set(ended)).toEqual(new Set(received.map(({ runId }) => runId)));
    expect(events.filter(({ type }) => type === 'run.failed')).toEqual([]);
    for (const receipt of receipts) {
      const found = await readMessage(stack.db, key, receipt.messageId);
      expect(found?.run?.status).toMatch(/^(completed|cancelled)$/);
      // A sender that was told nothing in time has left a signal instead.
      expect([receipt.disposition === 'accepted' ? receipt : found?.receipt]).toEqual([receipt]);
    }
    // Runs end in the order in which they were admitted, but for those that interrupt.
    const urgent = new Set(received.flatMap(({ messageId, runId }) => (isInterrupt(messageId, events) ? [runId] : [])));
    const runs = [...new Set(received.map(({ runId }) => runId))].filter((runId) => !urgent.has(runId));
    const order = ends(events)
      .filter(({ type, runId }) => type === 'run.completed' && !urgent.has(runId))
      .map(({ runId }) => runId);
    expect(order).toEqual(runs.filter((runId) => order.includes(runId)));
    // No reply was asked for twice: every call that was begun is a reply, or was stopped.
    const replies = events.filter(({ type }) => type === 'message.completed').length;
    const calls = [...asked.values()].reduce((sum, count) => sum + count, 0);
    const stopped = events.filter(({ type }) => type === 'run.cancelled').length;
    expect(calls).toBeGreaterThanOrEqual(replies);
    expect(calls - replies).toBeLessThanOrEqual(stopped);

    const histories = await executionsOf(stack.client, workflowIdOf(key));
    expect(histories.length).toBeGreaterThan(20);
    expect(histories.flatMap(failedTasks)).toEqual([]);
    console.log(`${agent}: ${sent} messages over ${histories.length} executions, ${stopped} runs stopped`);
  },
  90_000,
);

/** Whether a message was sent to interrupt: the run of one that found a run going says so by going ahead. */
function isInterrupt(messageId: string, events: readonly PerdureEvent[]): boolean {
  const received = events.find((event) => event.type === 'message.received' && event.messageId === messageId);
  if (received?.type !== 'message.received') return false;
  const before = events.filter(
    (event) => event.type === 'message.received' && event.seq < received.seq && event.disposition !== 'steered',
  );
  const startedAt = (runId: string) =>
    events.find((event) => event.type === 'run.started' && event.runId === runId)?.seq ?? Infinity;
  return before.some((event) => 'runId' in event && startedAt(event.runId as string) > startedAt(received.runId));
}

test.each(['assistant', 'fine'])(
  'a run of many steps (%s) goes on across continue-as-news, and no tool acts twice',
  async (agent) => {
    acted = [];
    const key = stack.key();
    await stack.sender.submit(key, { content: 'count 30', agent });
    const events = await stack.ended(key);
    expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'echo count 30', steps: 31 });
    expect(acted).toEqual(Array.from({ length: 30 }, (_, n) => n));
    expect(events.filter(({ type }) => type === 'run.started')).toHaveLength(1);
    const histories = await executionsOf(stack.client, workflowIdOf(key));
    expect(histories.length).toBeGreaterThan(3);
    expect(histories.flatMap(failedTasks)).toEqual([]);
  },
);

test('a cancel of a run of many steps reaches it in whichever execution it is', async () => {
  for (const steps of [2, 5, 8, 11, 14, 17, 20, 23, 26]) {
    const key = stack.key();
    await stack.sender.submit(key, { content: 'endless 40', agent: 'fine' });
    await stack.until(key, (events) => events.filter(({ type }) => type === 'tool.completed').length >= steps);
    await stack.sender.cancel(key, {});
    const events = await stack.ended(key);
    expect(events.at(-1)).toMatchObject({ type: 'run.cancelled', reason: 'cancelled' });
  }
});

test('what is refused, and what the next execution has to know, is the same after a continue-as-new', async () => {
  const key = stack.key();
  await stack.sender.open(key, { policy: { whileRunning: 'reject' }, agent: 'fine' });
  for (let n = 1; (await snapshotOf(key)).continuedAsNew < 2; n += 1) {
    await stack.sender.submit(key, { content: `hello ${n}` });
    await stack.ended(key, n);
  }
  const snapshot = await snapshotOf(key);
  expect(snapshot).toMatchObject({ status: 'active', agent: 'fine' });
  expect(snapshot.runsEnded).toBe(ends(await stack.events(key)).length);
  await stack.sender.submit(key, { content: 'count 30' });
  const refused = await stack.sender.submit(key, { content: 'no' }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(PerdureError);
  expect(refused).toMatchObject({ code: 'run_in_progress' });
  await stack.sender.cancel(key, {});
});
