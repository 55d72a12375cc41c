import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ToolContext } from '../../../agents/define-tool.ts';
import type { LiveEvent } from '../../../contracts/events/event.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { call, type MarkedTools, startMarkedTools } from '../../support/marked-tools.ts';

let marked: MarkedTools;
beforeAll(async () => {
  marked = await startMarkedTools();
});
afterAll(() => marked[Symbol.asyncDispose]());
beforeEach(() => marked.reset());

test('progress is shown on the live channel, and stored nowhere', async () => {
  marked.act = (mark, { progress }) => {
    progress({ done: 'halfway' });
    return mark;
  };
  for (const name of ['quick', 'slow']) {
    const key = marked.stack.key();
    const live: LiveEvent[] = [];
    const subscription = await marked.stack.live.subscribe(key, (message) => {
      if (message.kind === 'live') live.push(message.event);
    });
    await marked.stack.sender.submit(key, { content: JSON.stringify([call(name)]) });
    const events = await marked.stack.ended(key);
    expect(live).toContainEqual(
      expect.objectContaining({
        type: 'tool.progress',
        step: 1,
        callId: `call-${name}`,
        tool: name,
        progress: { done: 'halfway' },
      }),
    );
    expect(JSON.stringify(events)).not.toContain('halfway');
    subscription.close();
  }
});

test.each(['quick', 'once'])("a tool (%s) reads and writes its session's state and metadata", async (name) => {
  marked.act = async (_mark, { state, metadata }) => {
    const { visits = 0 } = (await state.read()) as { visits?: number };
    await state.merge({ visits: visits + 1 });
    await metadata.merge({ last: name, before: (await metadata.read())['last'] });
    return visits;
  };
  const { key, events } = await marked.runWith([call(name)]);
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'session.updated', state: { [name]: { visits: 1 } }, namespaces: [name] }),
  );
  await marked.stack.sender.submit(key, { content: JSON.stringify([call(name, 'again')]) });
  await marked.stack.ended(key, 2);
  expect(await readSession(marked.stack.db, key)).toMatchObject({
    state: { [name]: { visits: 2 } },
    metadata: { last: name, before: name },
  });
});

test('calls side by side lose none of what each of them adds to the state', async () => {
  marked.act = async (mark, { state }) => {
    await state.merge((now) => ({ count: Number(now['count'] ?? 0) + 1, [mark]: true }));
  };
  const marks = Array.from({ length: 20 }, (_, n) => `n${n}`);
  const { key } = await marked.runWith(marks.map((mark) => call('quick', mark)));
  expect((await readSession(marked.stack.db, key))?.state).toEqual({
    quick: { count: 20, ...Object.fromEntries(marks.map((mark) => [mark, true])) },
  });
});

test('a tool that is run again after its worker went between a write and its end finds what it wrote', async () => {
  const written = Promise.withResolvers<void>();
  marked.act = async (_mark, { attempt, idempotencyKey, state }) => {
    await state.merge((now) =>
      now['by'] === idempotencyKey ? {} : { by: idempotencyKey, paid: Number(now['paid'] ?? 0) + 5 },
    );
    if (attempt > 1) return (await state.read())['paid'];
    written.resolve();
    return new Promise(() => {});
  };
  const key = marked.stack.key();
  await marked.stack.sender.submit(key, { content: JSON.stringify([call('slow')]) });
  await written.promise;
  await marked.stack.stopWorker();
  await marked.stack.startWorker();
  const events = await marked.stack.ended(key);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: '5' });
  expect(events.filter(({ type }) => type === 'session.updated')).toHaveLength(1);
  expect(marked.tries.length).toBeGreaterThan(1);
});

test('a tool is told who calls', async () => {
  let seen: Partial<ToolContext> = {};
  marked.act = (_mark, context) => {
    seen = context;
    return null;
  };
  const { key, runId } = await marked.runWith([call('once')]);
  expect(seen).toMatchObject({ session: key, runId, step: 1, callId: 'call-once', attempt: 1 });
});
