import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LiveEvent } from '../../../contracts/events/event.ts';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { createInProcessLive } from '../../../live/in-process.ts';
import type { LiveChannel } from '../../../live/live-channel.ts';
import { createModelDirectory } from '../../../models/directory/model-directory.ts';
import { lastUserMessage } from '../../../testing/function-models.ts';
import { heldModel, type HeldCall } from '../../support/models/held-model.ts';
import { rawPayload, rawSignal } from '../../support/temporal/raw-temporal.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { startStubModelServer } from '../../support/models/stub-model-server.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;
/** While true, the notification that stops a run at once is lost. */
let notificationLost = false;

const held = heldModel((request) => `echo ${lastUserMessage(request)}`);

beforeAll(async () => {
  const live = createInProcessLive();
  const lossy: LiveChannel = {
    ...live,
    publish: (key, message) => {
      if (!(notificationLost && message.kind === 'control')) live.publish(key, message);
    },
  };
  stack = await startStack({
    temporal: await testTemporal(),
    model: held.model,
    live: lossy,
  });
});
afterAll(() => stack[Symbol.asyncDispose]());

/** A session whose model has said `Once upon` and goes on. */
async function speaking(content = 'hold'): Promise<{ key: SessionKey; runId: string; call: HeldCall }> {
  const key = stack.key();
  const { runId } = await stack.sender.submit(key, { content });
  const call = await held.call(content);
  call.say('Once ');
  call.say('upon');
  return { key, runId: runId as string, call };
}

const types = (events: Awaited<ReturnType<Stack['events']>>) => events.map(({ type }) => type);

test('a cancel by update aborts the model call, and the partial text is kept as such', async () => {
  const { key, runId, call } = await speaking();
  expect(await stack.sender.cancel(key, {})).toEqual({ runId });
  await call.aborted;
  const events = await stack.ended(key);
  expect(types(events).slice(-3)).toEqual(['run.started', 'message.completed', 'run.cancelled']);
  expect(events.at(-2)).toMatchObject({ text: 'Once upon', partial: true, finish: 'cancelled', usage: null });
  expect(events.at(-1)).toMatchObject({ runId, reason: 'cancelled', steps: 1 });
});

test.each([
  ['without a payload', []],
  ['of {}', [rawPayload('{}')]],
  ['of null', [rawPayload('null')]],
])('a raw signal cancelRun %s does the same', async (_what, payloads) => {
  const { key, call } = await speaking();
  await rawSignal(stack.client, workflowIdOf(key), 'cancelRun', payloads);
  await call.aborted;
  const events = await stack.ended(key);
  expect(events.at(-2)).toMatchObject({ text: 'Once upon', partial: true });
  expect(events.at(-1)).toMatchObject({ type: 'run.cancelled' });
});

test('the next run is shown the partial text', async () => {
  const { key } = await speaking('hold and stop');
  await stack.sender.cancel(key, {});
  await stack.sender.submit(key, { content: 'hold next' });
  const next = await held.call('hold next');
  expect(next.request.messages).toEqual([
    { role: 'user', content: 'hold and stop' },
    { role: 'assistant', content: 'Once upon', toolCalls: [] },
    { role: 'user', content: 'hold next' },
  ]);
  next.answer();
  await stack.ended(key, 2);
});

test('a cancel before the first word leaves no reply', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'hold silent' });
  const call = await held.call('hold silent');
  await stack.sender.cancel(key, {});
  await call.aborted;
  expect(types(await stack.ended(key)).slice(-2)).toEqual(['run.started', 'run.cancelled']);
});

test('a cancel of a queued run leaves the one that is going, and its model is never asked', async () => {
  const { key, call } = await speaking();
  const queued = await stack.sender.submit(key, { content: 'hold queued' });
  expect(queued).toMatchObject({ disposition: 'queued', position: 1 });
  expect(await stack.sender.cancel(key, { runId: queued.runId as string })).toEqual({ runId: queued.runId });
  call.answer(' a time');
  const events = await stack.ended(key, 2);
  expect(events.find(({ type }) => type === 'run.cancelled')).toMatchObject({ runId: queued.runId, steps: 0 });
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'Once upon a time' });
  await stack.sender.submit(key, { content: 'after' });
  await stack.ended(key, 3);
  expect(held.calls('hold queued')).toBe(0);
});

test('a cancel when nothing runs changes nothing', async () => {
  const key = stack.key();
  expect(await stack.sender.cancel(key, {})).toEqual({ runId: null });
  for (let round = 1; round <= 20; round += 1) {
    const { runId } = await stack.sender.submit(key, { content: 'hello' });
    const before = await stack.ended(key, round);
    // The workflow may not have the activity's result yet.
    expect(await stack.sender.cancel(key, {})).toEqual({ runId: null });
    expect(await stack.sender.cancel(key, {})).toEqual({ runId: null });
    expect(await stack.sender.cancel(key, { runId: runId as string })).toEqual({ runId: null });
    expect(await stack.sender.cancel(key, { runId: 'no-such-run' })).toEqual({ runId: null });
    expect(await stack.events(key)).toEqual(before);
  }
});

test('a cancel at the moment of the commit leaves one outcome, and a committed answer is whole', async () => {
  const outcomes: string[] = [];
  for (let round = 0; round < 15; round += 1) {
    const { key, runId, call } = await speaking(`hold race ${round}`);
    const cancel = () =>
      rawSignal(stack.client, workflowIdOf(key), 'cancelRun', [rawPayload(JSON.stringify({ runId }))]);
    const sent = cancel();
    // Before the cancel, beside it, and after it.
    await Promise.race([pause(round * 4), call.aborted]);
    call.answer(' a time');
    await sent;
    const events = await stack.ended(key);
    // The cancel has been handled when a later message is answered.
    await stack.sender.submit(key, { content: 'later' });
    const all = await stack.ended(key, 2);
    expect(all.slice(0, events.length)).toEqual(events);
    expect(events.filter(({ type }) => type === 'message.completed').length).toBeLessThanOrEqual(1);
    const end = events.at(-1);
    outcomes.push(end?.type === 'run.completed' ? `completed: ${end.output}` : (end?.type ?? ''));
  }
  const known = ['completed: Once upon a time', 'run.cancelled'];
  expect(outcomes.filter((outcome) => !known.includes(outcome))).toEqual([]);
  const won = outcomes.filter((outcome) => outcome === 'run.cancelled').length;
  console.log(`cancels at the moment of the commit: ${won} of 15 won`);
});

test('two cancels are one', async () => {
  const { key } = await speaking();
  await Promise.all([stack.sender.cancel(key, {}), stack.sender.cancel(key, {}), stack.sender.cancel(key, {})]);
  expect(types(await stack.ended(key)).filter((type) => type === 'run.cancelled')).toHaveLength(1);
});

test('a cancel whose notification is lost arrives with the heartbeat', async () => {
  const { key, call } = await speaking();
  notificationLost = true;
  try {
    await stack.sender.cancel(key, {});
    await call.aborted;
  } finally {
    notificationLost = false;
  }
  const events = await stack.ended(key);
  expect(events.at(-2)).toMatchObject({ text: 'Once upon', partial: true });
  expect(events.at(-1)).toMatchObject({ type: 'run.cancelled', reason: 'cancelled' });
});

test('an interruption whose notification is lost arrives with the heartbeat, with its reason', async () => {
  const { key, runId, call } = await speaking('hold until interrupted');
  notificationLost = true;
  try {
    await stack.sender.submit(key, { content: 'instead', whileRunning: 'interrupt' });
    await call.aborted;
  } finally {
    notificationLost = false;
  }
  const events = await stack.ended(key, 2);
  expect(events.find(({ type }) => type === 'run.cancelled')).toMatchObject({ runId, reason: 'interrupted', steps: 1 });
});

test("a worker's shutdown in mid-stream is no cancel: the next worker answers, once, and the text is taken back", async () => {
  const { key, call } = await speaking('hold across workers');
  const live: LiveEvent[] = [];
  const subscription = await stack.live.subscribe(key, (message) => {
    if (message.kind === 'live') live.push(message.event);
  });
  await stack.stopWorker();
  await call.aborted;
  expect(types(await stack.events(key)).at(-1)).toBe('run.started');
  await stack.startWorker();
  const again = await held.call('hold across workers');
  again.answer('The whole answer');
  const events = await stack.ended(key);
  expect(types(events).slice(-3)).toEqual(['run.started', 'message.completed', 'run.completed']);
  expect(events.at(-1)).toMatchObject({ output: 'The whole answer', steps: 1 });
  expect(events.at(-2)).toMatchObject({ attempt: 2, partial: false });
  expect(live).toContainEqual(expect.objectContaining({ type: 'step.retracted', attempt: 1 }));
  subscription.close();
});

test('the time from a cancel to the abort of the model call is reported', async () => {
  const times: Times = { update: [], signal: [] };
  for (let round = 0; round < 20; round += 1) {
    const { key, call } = await speaking(`hold time ${round}`);
    const way = round % 2 === 0 ? 'update' : 'signal';
    const began = performance.now();
    await Promise.all([cancelBy[way](stack, key), call.aborted]);
    times[way].push((call.abortedAt() as number) - began);
    await stack.ended(key);
  }
  report('cancel to abort of the call', times);
  expect([...times.update, ...times.signal]).toHaveLength(20);
});

test("a cancel closes the model's HTTP request, as its server sees, and the text that had come is kept", async () => {
  const server = await startStubModelServer();
  server.behave(() => ({ misbehaves: 'hangs-mid-stream', text: 'Once upon' }));
  const models = await createModelDirectory({
    env: { OPENAI_BASE_URL: server.baseUrl, OPENAI_API_KEY: 'none', PERDURE_MODEL: 'openai/stub-model' },
  });
  const real = await startStack({ temporal: await testTemporal(), model: models, db: stack.db });
  const times: Times = { update: [], signal: [] };
  try {
    for (let round = 0; round < 20; round += 1) {
      const key = real.key();
      const way = round % 2 === 0 ? 'update' : 'signal';
      const spoke = Promise.withResolvers<void>();
      let text = '';
      const subscription = await real.live.subscribe(key, (message) => {
        if (message.kind === 'live' && message.event.type === 'message.delta') text += message.event.delta;
        if (text === 'Once upon') spoke.resolve();
      });
      await real.sender.submit(key, { content: 'hello' });
      await spoke.promise;
      const request = await server.received(round + 1);
      expect(request.aborted()).toBe(false);
      const began = Date.now();
      await cancelBy[way](real, key);
      expect(await request.closed).toBe('aborted');
      times[way].push((request.closedAt() as number) - began);
      const events = await real.ended(key);
      expect(events.at(-2)).toMatchObject({ type: 'message.completed', text: 'Once upon', partial: true });
      expect(events.at(-1)).toMatchObject({ type: 'run.cancelled' });
      subscription.close();
    }
  } finally {
    await real[Symbol.asyncDispose]();
    await server.close();
  }
  expect(server.requests).toHaveLength(20);
  report('cancel to the end of the HTTP request', times);
});

type Times = Record<'update' | 'signal', number[]>;

const cancelBy = {
  update: async (on: Stack, key: SessionKey) => void (await on.sender.cancel(key, {})),
  signal: (on: Stack, key: SessionKey) => rawSignal(on.client, workflowIdOf(key), 'cancelRun', []),
};

/** The issue wants a p95 of at most 250 ms; machines differ, so it is shown and not asserted. */
function report(what: string, { update, signal }: Times): void {
  const all = spread([...update, ...signal]);
  console.log(`${what}, 20: ${all}; by update: ${spread(update)}; by signal: ${spread(signal)}`);
}

function spread(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, most ${at(1)} ms`;
}
