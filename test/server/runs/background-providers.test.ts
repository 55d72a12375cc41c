import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { defineContextProvider } from '../../../agents/context/define-context-provider.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import type { RunDetail } from '../../../contracts/session/run.ts';
import { runWorkflowIdOf, workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { explainRun } from '../../../core/why/explain-run.ts';
import { listRuns } from '../../../store/read/list-runs.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readRunFacts } from '../../../store/read/read-run-facts.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { openTestDatabase } from '../../support/store/databases.ts';
import { executionsOf } from '../../support/temporal/raw-temporal.ts';
import { privateTemporal, testTemporal, type PrivateTemporal } from '../../support/temporal/temporal-server.ts';

type Provider = ReturnType<typeof defineContextProvider>;

const agents: AgentSpec[] = [];
const context: Provider[] = [];

interface Held {
  readonly agent: string;
  readonly name: string;
  /** The messages of the runs that it was called for, in the order of the calls. */
  readonly calls: string[];
  /** Resolves when the call number `count` has begun. */
  readonly called: (count: number) => Promise<void>;
  release(): void;
}

/** An agent whose provider notes in its state which runs it was called for, once it is released. */
function held(options: Partial<Parameters<typeof defineContextProvider>[0]> = {}): Held {
  const released = Promise.withResolvers<void>();
  const calls: string[] = [];
  const name = `held-${agents.length}`;
  const provider = defineContextProvider({
    name,
    afterRunMode: 'background',
    timeoutMs: 60_000,
    afterRun: async ({ messages, signal }) => {
      const [message] = messages;
      calls.push(message?.content ?? '');
      const aborted = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      await Promise.race([released.promise, aborted]);
      return { state: ({ runs = [] }) => ({ runs: [...(runs as string[]), message?.content ?? ''] }) };
    },
    ...options,
  });
  context.push(provider);
  agents.push({ name: `agent-${name}`, context: [name] });
  const called = (count: number): Promise<void> =>
    expect.poll(() => calls.length, { timeout: 30_000, interval: 20 }).toBeGreaterThanOrEqual(count);
  return { agent: `agent-${name}`, name, calls, called, release: () => released.resolve() };
}

/** Defined before the stack starts. */
const [waiting, drained, lost, deleted, ended, oneOff] = [held(), held(), held(), held(), held(), held()];
const bounded = held();
const failing = held({
  afterRun: () => {
    throw Object.assign(new Error('No.'), { retryable: false });
  },
});

let stack: Stack;
beforeAll(async () => {
  const lostSessions = { everyMs: 300, quietForMs: 500 };
  stack = await startStack({ temporal: await testTemporal(), agents, context, model: () => 'ok', lostSessions });
});
afterAll(() => stack[Symbol.asyncDispose]());

async function runsOf({ db }: Stack, key: SessionKey): Promise<RunDetail[]> {
  const { data } = await listRuns(db, key, { limit: 200 });
  const runs = await Promise.all(data.map(({ id }) => readRun(db, key, id)));
  return runs.flatMap((run) => (run ? [run] : [])).toReversed();
}

async function stateOf({ db }: Stack, key: SessionKey, { name }: Held): Promise<unknown> {
  return (await readSession(db, key))?.state[name]?.['runs'];
}

const untilState = (of: Stack, key: SessionKey, provider: Held, runs: readonly string[]): Promise<void> =>
  expect.poll(() => stateOf(of, key, provider), { timeout: 30_000, interval: 50 }).toEqual(runs);

/** The activities that a session's workflow has scheduled, of all of its executions. */
async function activitiesOf(of: Stack, workflowId: string): Promise<{ type: string; summary: unknown }[]> {
  const histories = await executionsOf(of.client, workflowId);
  return histories.flatMap((events) =>
    events.flatMap(({ activityTaskScheduledEventAttributes: scheduled, userMetadata }) =>
      scheduled
        ? [
            {
              type: scheduled.activityType?.name ?? '',
              summary: userMetadata?.summary?.data && Buffer.from(userMetadata.summary.data).toString(),
            },
          ]
        : [],
    ),
  );
}

test('the next run does not wait for a call in the background, and the calls follow the order of the runs', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'one', agent: waiting.agent });
  await waiting.called(1);
  expect(await runsOf(stack, key)).toMatchObject([
    { status: 'completed', background: 'pending', contextCalls: [{ phase: 'after', status: 'running', attempts: 1 }] },
  ]);
  for (const content of ['two', 'three']) await stack.sender.submit(key, { content });
  await stack.ended(key, 3);
  expect(waiting.calls).toEqual(['one']);
  expect(await stateOf(stack, key, waiting)).toBeUndefined();
  waiting.release();
  await untilState(stack, key, waiting, ['one', 'two', 'three']);
  await expect
    .poll(async () => (await runsOf(stack, key)).map(({ background }) => background))
    .toEqual([undefined, undefined, undefined]);
  expect(waiting.calls).toEqual(['one', 'two', 'three']);
  expect(await activitiesOf(stack, workflowIdOf(key))).toContainEqual({
    type: 'callInBackground',
    summary: '"afterRun, in the background"',
  });
  const [first] = await runsOf(stack, key);
  const facts = await readRunFacts(stack.db, key, first?.id ?? '');
  const why = facts && explainRun(facts);
  expect(why?.summary.background).toBe(`In the background, after the run: ${waiting.name} completed.`);
  expect(why?.spans.some(({ kind }) => kind === 'context')).toBe(false);
});

describe('a call in the background', () => {
  test('is left to the next worker by one that shuts down, and uses up no attempt', async () => {
    const key = stack.key();
    await stack.sender.submit(key, { content: 'one', agent: drained.agent });
    await drained.called(1);
    await stack.stopWorker();
    drained.release();
    await stack.startWorker();
    await untilState(stack, key, drained, ['one']);
    expect((await runsOf(stack, key))[0]?.contextCalls).toMatchObject([{ status: 'completed', attempts: 1 }]);
  });

  test('goes on after its workflow was terminated', async () => {
    const key = stack.key();
    await stack.sender.submit(key, { content: 'one', agent: lost.agent });
    await lost.called(1);
    await stack.client.workflow.getHandle(workflowIdOf(key)).terminate();
    lost.release();
    await untilState(stack, key, lost, ['one']);
    expect(await stateOf(stack, key, lost)).toEqual(['one']);
  });

  test('ends with the deletion of its session, and has no effect on one with the same id', async () => {
    const key = stack.key();
    await stack.sender.submit(key, { content: 'one', agent: deleted.agent });
    await deleted.called(1);
    await deleteSession(stack.db, key);
    await stack.sender.submit(key, { content: 'two', agent: deleted.agent });
    await stack.ended(key);
    deleted.release();
    await untilState(stack, key, deleted, ['two']);
    expect(deleted.calls).toEqual(['one', 'two']);
  });

  test('is made after the session has ended, and its workflow completes then', async () => {
    const key = stack.key();
    await stack.sender.submit(key, { content: 'one', agent: ended.agent });
    await ended.called(1);
    await stack.sender.end(key, {});
    ended.release();
    await untilState(stack, key, ended, ['one']);
    const status = async () => (await stack.client.workflow.getHandle(workflowIdOf(key)).describe()).status.name;
    await expect.poll(status, { timeout: 10_000 }).toBe('COMPLETED');
    expect((await readSession(stack.db, key))?.status).toBe('completed');
  });

  test('is made for a run without a session', async () => {
    const key = stack.key('one-off');
    await stack.sender.submitRun(key, { content: 'one', agent: oneOff.agent });
    await oneOff.called(1);
    oneOff.release();
    await untilState(stack, key, oneOff, ['one']);
    const status = async () => (await stack.client.workflow.getHandle(runWorkflowIdOf(key)).describe()).status.name;
    await expect.poll(status, { timeout: 10_000 }).toBe('COMPLETED');
  });

  test('that fails is recorded, and leaves the run completed', async () => {
    const key = stack.key();
    await stack.sender.submit(key, { content: 'one', agent: failing.agent });
    await stack.ended(key);
    const run = async () => (await runsOf(stack, key))[0];
    await expect.poll(run, { timeout: 10_000 }).toMatchObject({
      status: 'completed',
      output: 'ok',
      contextCalls: [{ provider: failing.name, phase: 'after', status: 'failed', error: 'No.' }],
    });
    expect((await run())?.background).toBeUndefined();
  });
});

test('beyond the limit of runs that wait, the oldest calls are skipped', async () => {
  const key = stack.key();
  const contents = Array.from({ length: LIMITS.backgroundRuns.value + 4 }, (_, at) => `${at}`);
  await stack.sender.submit(key, { content: '0', agent: bounded.agent });
  await bounded.called(1);
  await Promise.all(contents.slice(1).map((content) => stack.sender.submit(key, { content })));
  await stack.ended(key, contents.length);
  bounded.release();
  const left = async () => (await runsOf(stack, key)).filter(({ background }) => background).length;
  await expect.poll(left, { timeout: 60_000, interval: 200 }).toBe(0);
  const calls = (await runsOf(stack, key)).map(({ contextCalls }) => contextCalls?.[0]?.status);
  expect(calls).toEqual(contents.map((_, at) => ([1, 2, 3].includes(at) ? 'skipped' : 'completed')));
}, 120_000);

describe('in a session whose workflow continues as new', () => {
  let temporal: PrivateTemporal;
  beforeAll(async () => {
    temporal = await privateTemporal({ suggestContinueAsNewAt: 30 });
  });
  afterAll(() => temporal.stop());

  test('no call in the background is lost or repeated', async () => {
    const database = await openTestDatabase('postgres');
    onTestFinished(() => database.close());
    const attempts: number[] = [];
    const slow = defineContextProvider({
      name: 'slow',
      afterRunMode: 'background',
      afterRun: async ({ attempt, messages, signal }) => {
        attempts.push(attempt);
        await pause(30, undefined, { signal });
        return { state: ({ runs = [] }) => ({ runs: [...(runs as string[]), messages[0]?.content ?? ''] }) };
      },
    });
    await using own = await startStack({
      temporal: temporal.address,
      db: database.db,
      agents: [{ name: 'assistant', context: ['slow'] }],
      context: [slow],
      model: () => 'ok',
    });
    const key = own.key();
    const contents = Array.from({ length: 40 }, (_, at) => `${at}`);
    for (const content of contents) await own.sender.submit(key, { content });
    await own.ended(key, contents.length);
    await untilState(own, key, { name: 'slow' } as Held, contents);
    expect((await executionsOf(own.client, workflowIdOf(key))).length).toBeGreaterThan(2);
  }, 120_000);
});
