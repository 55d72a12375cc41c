import { describe, expect, test } from 'vitest';
import { defineContextProvider } from '../../../agents/context/define-context-provider.ts';
import { readSnapshot } from '../../../store/read/read-snapshot.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { lastRun, providerStack } from './provider-stack.ts';

const shared = providerStack();
let names = 0;

const typesOf = (events: readonly { readonly type: string }[]) => events.map(({ type }) => type);

/** An agent with a provider whose calls of one phase are held until they are released. */
function held(phase: 'beforeRun' | 'afterRun') {
  const called = Promise.withResolvers<AbortSignal>();
  const release = Promise.withResolvers<void>();
  let calls = 0;
  const provider = defineContextProvider({
    name: `held-${(names += 1)}`,
    [phase]: async ({ signal }: { signal: AbortSignal }) => {
      calls += 1;
      called.resolve(signal);
      await release.promise;
      return { state: { calls } };
    },
  } as Parameters<typeof defineContextProvider>[0]);
  const agent = shared.agentWith([provider]);
  const { name } = provider;
  return { agent, name, called: called.promise, release: () => release.resolve(), calls: () => calls };
}

describe('while a provider is called', () => {
  const cancelledBefore = held('beforeRun');
  test('before the run, a cancel aborts it and cancels the run', async () => {
    const { agent, name, called, release } = cancelledBefore;
    const key = shared.stack.key();
    const { runId } = await shared.stack.sender.submit(key, { content: 'Hello', agent });
    const signal = await called;
    expect(await shared.stack.sender.cancel(key, {})).toEqual({ runId });
    expect(typesOf(await shared.stack.ended(key)).slice(-2)).toEqual(['run.started', 'run.cancelled']);
    expect(signal.aborted).toBe(true);
    expect((await lastRun(shared.stack, key)).contextCalls).toEqual([expect.objectContaining({ status: 'cancelled' })]);
    release();
    await shared.stack.sender.resume(key, { runId: runId as string });
    expect((await shared.stack.ended(key, 2)).at(-1)).toMatchObject({ type: 'run.completed' });
    expect((await readSession(shared.stack.db, key))?.state).toEqual({ [name]: { calls: 2 } });
  });

  const cancelledAfter = held('afterRun');
  test('after the answer, a cancel completes the run with it', async () => {
    const { agent, called, release } = cancelledAfter;
    const key = shared.stack.key();
    await shared.stack.sender.submit(key, { content: 'Hello', agent });
    const signal = await called;
    await shared.stack.sender.cancel(key, {});
    expect((await shared.stack.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'ok' });
    expect(signal.aborted).toBe(true);
    expect(await lastRun(shared.stack, key)).toMatchObject({ status: 'completed', output: 'ok' });
    expect((await readSession(shared.stack.db, key))?.state).toEqual({});
    release();
    await shared.stack.sender.submit(key, { content: 'Next' });
    expect((await shared.stack.ended(key, 2)).at(-1)).toMatchObject({ type: 'run.completed' });
  });

  const steeredAfter = held('afterRun');
  test('after the answer, a message to steer by gets a run of its own', async () => {
    const { agent, name, called, release, calls } = steeredAfter;
    const key = shared.stack.key();
    await shared.stack.sender.submit(key, { content: 'Hello', agent });
    await called;
    expect(
      (await readSnapshot(shared.stack.db, key, () => ({ idleTimeoutMs: 1, maxAgeMs: 1 })))?.waitingFor,
    ).toMatchObject({
      what: 'context',
      who: `the context provider ${name}`,
    });
    const receipt = await shared.stack.sender.submit(key, { content: 'Left', whileRunning: 'steer' });
    expect(receipt.disposition).toBe('queued');
    release();
    expect((await shared.stack.ended(key, 2)).filter(({ type }) => type === 'run.completed')).toHaveLength(2);
    expect(calls()).toBe(2);
  });

  const steeredBefore = held('beforeRun');
  test('before the run, a message to steer by joins it', async () => {
    const { agent, called, release, calls } = steeredBefore;
    const key = shared.stack.key();
    await shared.stack.sender.submit(key, { content: 'Hello', agent });
    await called;
    const receipt = await shared.stack.sender.submit(key, { content: 'Left', whileRunning: 'steer' });
    expect(receipt.disposition).toBe('steered');
    release();
    await shared.stack.ended(key);
    expect(shared.requests.map(({ messages }) => messages.map(({ content }) => content))).toEqual([['Hello', 'Left']]);
    expect(calls()).toBe(1);
  });

  const ended = held('afterRun');
  test('the end of the session completes an answered run', async () => {
    const key = shared.stack.key();
    await shared.stack.sender.submit(key, { content: 'Hello', agent: ended.agent });
    await ended.called;
    await shared.stack.sender.end(key, {});
    const types = typesOf(await shared.stack.ended(key));
    expect(types).toContain('run.completed');
    expect(types).not.toContain('run.cancelled');
  });

  const drained = held('beforeRun');
  test('a worker that shuts down leaves the call to the next one, and uses up no attempt', async () => {
    const key = shared.stack.key();
    await shared.stack.sender.submit(key, { content: 'Hello', agent: drained.agent });
    await drained.called;
    await shared.stack.stopWorker();
    drained.release();
    await shared.stack.startWorker();
    await shared.stack.ended(key);
    expect((await lastRun(shared.stack, key)).contextCalls).toEqual([
      expect.objectContaining({ status: 'completed', attempts: 1 }),
    ]);
    expect(drained.calls()).toBe(2);
  });
});
