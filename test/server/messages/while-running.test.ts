import { afterAll, beforeAll, expect, test } from 'vitest';
import { PerdureError } from '../../../contracts/errors.ts';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import type { WhileRunning } from '../../../contracts/session/message.ts';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { lastUserMessage, type FunctionModel } from '../../../testing/function-models.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { failedTasks, historyOf } from '../../support/temporal/raw-temporal.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;
/** What happens inside the model call that answers a message, before it returns. */
const inside = new Map<string, () => Promise<unknown>>();

const otherwise: FunctionModel = async (request) => {
  const said = lastUserMessage(request);
  const act = inside.get(said);
  inside.delete(said);
  await act?.();
  return `echo ${said}`;
};
const held = heldModel(otherwise);

beforeAll(async () => {
  stack = await startStack({ temporal: await testTemporal(), model: held.model });
});
afterAll(() => stack[Symbol.asyncDispose]());

let marks = 0;

/** A session with a run whose model waits, and how to send to it. */
async function busy() {
  const key = stack.key();
  const content = `hold ${(marks += 1)}`;
  const first = await stack.sender.submit(key, { id: 'first', content });
  const call = await held.call(content);
  const send = (id: string, whileRunning: WhileRunning, text = `${id} of ${content}`) =>
    stack.sender.submit(key, { id, content: text, whileRunning });
  return { key, content, call, send, runId: first.runId as string };
}

const outputs = (events: readonly PerdureEvent[]) =>
  events.flatMap((event) => (event.type === 'run.completed' ? [event.output] : []));

async function expectSound(key: SessionKey): Promise<PerdureEvent[]> {
  const events = await stack.events(key);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  const ends = events.flatMap((event) =>
    /^run\.(completed|failed|cancelled)$/.test(event.type) && 'runId' in event ? [event.runId] : [],
  );
  expect(new Set(ends).size).toBe(ends.length);
  const received = events.flatMap((event) => (event.type === 'message.received' ? [event.runId] : []));
  expect(new Set(ends)).toEqual(new Set(received));
  expect(failedTasks(await historyOf(stack.client, workflowIdOf(key)))).toEqual([]);
  return events;
}

test('enqueue: two messages wait, and are answered in the order of their receipts', async () => {
  const { key, content, call, send } = await busy();
  expect(await send('a', 'enqueue')).toMatchObject({ disposition: 'queued', position: 1 });
  expect(await send('b', 'enqueue')).toMatchObject({ disposition: 'queued', position: 2 });
  call.answer('first answer');
  await stack.ended(key, 3);
  expect(outputs(await expectSound(key))).toEqual(['first answer', `echo a of ${content}`, `echo b of ${content}`]);
});

test('enqueue: the order of the answers is that of the receipts, however many send at once', async () => {
  const { key, call, send } = await busy();
  const receipts = await Promise.all(Array.from({ length: 30 }, (_, n) => send(`m${n}`, 'enqueue', `message ${n}`)));
  call.answer('first');
  const events = await stack.ended(key, 31);
  const byPosition = receipts.toSorted((a, b) => (a.position ?? 0) - (b.position ?? 0));
  expect(byPosition.map(({ position }) => position)).toEqual(Array.from({ length: 30 }, (_, n) => n + 1));
  const ended = events.flatMap((event) => (event.type === 'run.completed' ? [event.runId] : []));
  expect(ended.slice(1)).toEqual(byPosition.map(({ runId }) => runId));
});

test('steer: two messages join the run, which answers all three in one more step', async () => {
  const { key, content, call, send, runId } = await busy();
  expect(await send('a', 'steer', 'first turn left')).toEqual({
    messageId: 'a',
    runId,
    disposition: 'steered',
    position: 0,
    seq: expect.any(Number),
  });
  expect(await send('b', 'steer', 'hold then right')).toMatchObject({ runId, disposition: 'steered' });
  call.answer('Going straight.');
  const next = await held.call('hold then right');
  expect(next.request.messages).toEqual([
    { role: 'user', content },
    { role: 'assistant', content: 'Going straight.', toolCalls: [] },
    { role: 'user', content: 'first turn left' },
    { role: 'user', content: 'hold then right' },
  ]);
  next.answer('Left, then right.');
  await stack.ended(key);
  const events = await expectSound(key);
  expect(outputs(events)).toEqual(['Left, then right.']);
  expect(events.filter(({ type }) => type === 'run.started')).toHaveLength(1);
  expect(await readRun(stack.db, key, runId)).toMatchObject({ messageIds: ['first', 'a', 'b'], steps: 2 });
});

test('steer: without a run that is going, it gets a run of its own', async () => {
  const key = stack.key();
  const receipt = await stack.sender.submit(key, { content: 'hello', whileRunning: 'steer' });
  expect(receipt).toMatchObject({ disposition: 'started', position: 0 });
  expect(outputs(await stack.ended(key))).toEqual(['echo hello']);
});

test('steer from within the last model call is seen before the run completes', async () => {
  const key = stack.key();
  inside.set('begin', () => stack.sender.submit(key, { content: 'and this', whileRunning: 'steer' }));
  await stack.sender.submit(key, { content: 'begin' });
  const events = await stack.ended(key);
  expect(outputs(events)).toEqual(['echo and this']);
  expect(events.filter(({ type }) => type === 'message.completed')).toHaveLength(2);
  await expectSound(key);
});

test('interrupt: the run stops and keeps its text; two interrupts go ahead of what waits, the newest stops the older', async () => {
  const { key, content, call, send, runId } = await busy();
  call.say('I was just');
  await send('waits', 'enqueue');
  const a = await send('a', 'interrupt', `hold a of ${content}`);
  expect(a).toMatchObject({ disposition: 'queued', position: 0 });
  await call.aborted;
  const second = await held.call(`hold a of ${content}`);
  await send('b', 'interrupt');
  await second.aborted;
  const events = await stack.ended(key, 4);
  expect(outputs(events)).toEqual([`echo b of ${content}`, `echo waits of ${content}`]);
  expect(events).toContainEqual(expect.objectContaining({ type: 'run.cancelled', runId, reason: 'interrupted' }));
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'run.cancelled', runId: a.runId, reason: 'interrupted' }),
  );
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'message.completed', text: 'I was just', partial: true }),
  );
  await expectSound(key);
});

test('interrupt: of two in flight at once, each stops the run in progress, and the later one is answered last', async () => {
  const { key, content, call, send, runId } = await busy();
  const receipts = await Promise.all([send('a', 'interrupt'), send('b', 'interrupt')]);
  await call.aborted;
  const events = await stack.ended(key, 3);
  const [earlier, later] = receipts.toSorted((x, y) => (x.seq ?? 0) - (y.seq ?? 0));
  expect(outputs(events).at(-1)).toBe(`echo ${later?.messageId} of ${content}`);
  const cancelled = events.flatMap((event) => (event.type === 'run.cancelled' ? [event.runId] : []));
  // The later message may find the run of the earlier one in progress.
  expect([[runId], [runId, earlier?.runId]]).toContainEqual(cancelled);
  await expectSound(key);
});

test('interrupt from within the last model call: one outcome for the run, and the message is answered', async () => {
  for (let round = 0; round < 5; round += 1) {
    const key = stack.key();
    inside.set(`begin ${round}`, () => stack.sender.submit(key, { content: 'stop that', whileRunning: 'interrupt' }));
    await stack.sender.submit(key, { content: `begin ${round}` });
    await stack.ended(key, 2);
    const events = await expectSound(key);
    expect(outputs(events).at(-1)).toBe('echo stop that');
  }
});

test('reject: refused while a run is going, twice, and taken when it is over', async () => {
  const { key, content, call, send } = await busy();
  const refusals = await Promise.allSettled([send('a', 'reject'), send('b', 'reject')]);
  for (const refusal of refusals)
    expect(refusal).toMatchObject({ status: 'rejected', reason: { code: 'run_in_progress' } });
  call.answer('first');
  await stack.ended(key);
  // The same ids again: a refusal is not remembered.
  expect(await send('a', 'reject')).toMatchObject({ disposition: 'started', position: 0 });
  await stack.ended(key, 2);
  expect(outputs(await expectSound(key))).toEqual(['first', `echo a of ${content}`]);
});

test.each(['enqueue', 'steer', 'interrupt', 'reject'] as const)(
  '%s at the moment a run completes: each acknowledged message has one outcome, in order',
  async (whileRunning) => {
    let refused = 0;
    for (let round = 0; round < 8; round += 1) {
      const { key, call, send } = await busy();
      const sends: Promise<unknown>[] = [];
      const late = (id: string) => sends.push(send(id, whileRunning).catch((error: unknown) => error));
      // Before, at and after the answer, and then as the commit is told.
      if (round % 4 === 0) late('a');
      call.answer('first');
      if (round % 4 === 1) late('a');
      if (round % 4 >= 2) await stack.ended(key);
      late('b');
      if (round % 4 === 3) late('c');
      const answers = await Promise.all(sends);
      const receipts = answers.filter((answer) => !(answer instanceof Error));
      const codes = answers.flatMap((answer) => (answer instanceof PerdureError ? [answer.code] : []));
      expect([...new Set(codes)]).toEqual(codes.length > 0 ? ['run_in_progress'] : []);
      refused += answers.length - receipts.length;
      // Comes last, so everything before it has its outcome.
      await stack.sender.submit(key, { id: 'last', content: 'the last one' });
      await stack.until(key, (events) => outputs(events).includes('echo the last one'));
      const events = await expectSound(key);
      const messages = events.flatMap((event) => (event.type === 'message.received' ? [event.messageId] : []));
      expect(messages).toHaveLength(receipts.length + 2);
      const queued = events.flatMap((event) =>
        event.type === 'message.received' && event.disposition !== 'steered' ? [event.runId] : [],
      );
      const ended = events.flatMap((event) =>
        event.type === 'run.completed' || event.type === 'run.cancelled' ? [event.runId] : [],
      );
      // An interrupting run goes ahead of those that wait.
      const [is, shouldBe] = whileRunning === 'interrupt' ? [new Set(ended), new Set(queued)] : [ended, queued];
      expect(is).toEqual(shouldBe);
    }
    expect(whileRunning === 'reject' ? 0 : refused).toBe(0);
  },
);

test("the session's policy says what happens when the message does not, and the message wins", async () => {
  const { key, call, send } = await busy();
  await stack.sender.update(key, { policy: { whileRunning: 'reject' } });
  await expect(stack.sender.submit(key, { content: 'x' })).rejects.toMatchObject({ code: 'run_in_progress' });
  expect(await send('a', 'enqueue')).toMatchObject({ disposition: 'queued' });
  call.answer('first');
  await stack.ended(key, 2);
});

test('a run whose workflow was terminated goes on with the next message, is answered once, and the loss is told', async () => {
  const { key, content, call } = await busy();
  await stack.sender.terminate(key, 'a test');
  await call.aborted;
  await stack.sender.submit(key, { content: 'next' });
  (await held.call(content)).answer('at last');
  const events = await stack.ended(key, 2);
  expect(outputs(events)).toEqual(['at last', 'echo next']);
  expect(events).toContainEqual(expect.objectContaining({ type: 'session.recovered', reason: 'workflow_lost' }));
  await expectSound(key);
});

test('an interrupt of a run whose workflow was terminated stops that run', async () => {
  const { key, content, call, send, runId } = await busy();
  await stack.sender.terminate(key, 'a test');
  await call.aborted;
  await send('a', 'interrupt');
  const events = await stack.ended(key, 2);
  expect(outputs(events)).toEqual([`echo a of ${content}`]);
  expect(events).toContainEqual(expect.objectContaining({ type: 'run.cancelled', runId, reason: 'interrupted' }));
  await expectSound(key);
});
