import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { defineContextProvider } from '../../../agents/context/define-context-provider.ts';
import { userProfile } from '../../../agents/context/user-profile.ts';
import { defineTool } from '../../../agents/define-tool.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { ModelRequest } from '../../../models/model-client.ts';
import { listRuns } from '../../../store/read/list-runs.ts';
import { readSnapshot } from '../../../store/read/read-snapshot.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { startStack, type Stack, type StackOptions } from '../../support/stack.ts';
import { DATABASES, openTestDatabase } from '../../support/store/databases.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

/** The agents of the stack that tests share, and their providers. Defined before it starts. */
const agents: AgentSpec[] = [];
const context: (typeof userProfile)[] = [];

/** Defines an agent with these providers, and returns its name. */
function agentWith(providers: readonly (typeof userProfile)[], spec: Partial<AgentSpec> = {}): string {
  const name = `agent-${agents.length}`;
  agents.push({ name, instructions: 'Be brief.', ...spec, context: providers.map((provider) => provider.name) });
  context.push(...providers);
  return name;
}

let shared: Stack;
/** The requests of the model in the current test. */
const requests: ModelRequest[] = [];

const model: StackOptions['model'] = (request) => {
  requests.push(request);
  return 'ok';
};

beforeAll(async () => {
  shared = await startStack({ temporal: await testTemporal(), agents, context, model });
});
beforeEach(() => void requests.splice(0));
afterAll(() => shared[Symbol.asyncDispose]());

async function lastRun({ db }: Stack, key: SessionKey) {
  const { data } = await listRuns(db, key, { limit: 1 });
  const run = await readRun(db, key, data[0]?.id ?? '');
  if (!run) throw new Error('There is no run.');
  return run;
}

const typesOf = (events: readonly { readonly type: string }[]) => events.map(({ type }) => type);

const lookUp = (name: string, timeoutMs: number) =>
  defineTool({
    name,
    description: 'Looks up.',
    parameters: z.object({}),
    idempotent: true,
    timeoutMs,
    execute: () => `from ${name}`,
  });

const system = (call: number, runs: number, message: string) =>
  `Be brief.\n\nCall ${call} for assistant, after ${runs} runs: ${message}.\n\nAbout the user:\n- language: German`;

test.each(DATABASES)(
  'on %s, every model call of a run gets the same contributions in order, and afterRun takes effect before the run completes',
  async (kind) => {
    const database = await openTestDatabase(kind);
    onTestFinished(() => database.close());
    const tools = [lookUp('near', 1_000), lookUp('apart', 60_000), lookUp('unused', 1_000)];
    let calls = 0;
    const first = defineContextProvider({
      name: 'first',
      tools,
      stateSchema: z.object({ runs: z.number().default(0), last: z.string().optional() }),
      beforeRun: ({ messages, state, agent }) => {
        calls += 1;
        return {
          instructions: `Call ${calls} for ${agent}, after ${state.runs} runs: ${messages.map(({ content }) => content).join()}.`,
          messages: [
            { role: 'user', content: 'Who am I?' },
            { role: 'assistant', content: 'You are Ann.' },
          ],
          tools: ['near', tools[1]!],
        };
      },
      afterRun: ({ output, transcript, state }) => ({
        state: { runs: state.runs + 1, last: `${output} after ${transcript.map(({ role }) => role).join()}` },
      }),
    });
    await using stack = await startStack({
      temporal: await testTemporal(),
      db: database.db,
      context: [first, userProfile],
      agents: [{ name: 'assistant', instructions: 'Be brief.', context: ['first', 'userProfile'] }],
      model: (request) => {
        requests.push(request);
        const { messages } = request;
        const own = messages.slice(messages.findLastIndex(({ content }) => content === 'You are Ann.'));
        const tool = ['near', 'apart'][own.filter(({ role }) => role === 'tool').length];
        return tool === undefined ? 'answer' : { toolCalls: [{ callId: 'c', tool, arguments: {}, malformed: null }] };
      },
    });
    const key = stack.key();
    await stack.sender.open(key, { metadata: { profile: { language: 'German' } } });
    await stack.sender.submit(key, { content: 'Hello' });
    await stack.ended(key);
    await stack.sender.submit(key, { content: 'Again' });
    const events = await stack.ended(key, 2);

    expect(requests.map(({ instructions }) => instructions)).toEqual([
      ...Array.from({ length: 3 }, () => system(1, 0, 'Hello')),
      ...Array.from({ length: 3 }, () => system(2, 1, 'Again')),
    ]);
    for (const request of requests) expect(request.tools.map(({ name }) => name)).toEqual(['near', 'apart']);
    const contents = (at: number) => requests[at]?.messages.map(({ content }) => content);
    expect(contents(2)).toEqual(['Who am I?', 'You are Ann.', 'Hello', '', 'from near', '', 'from apart']);
    // Contributions are of one run: later ones see its own messages only.
    expect(contents(3)).toEqual([
      'Hello',
      '',
      'from near',
      '',
      'from apart',
      'answer',
      'Who am I?',
      'You are Ann.',
      'Again',
    ]);
    expect((await readSession(stack.db, key))?.state).toEqual({
      first: { runs: 2, last: 'answer after user,assistant,tool,assistant,tool,assistant' },
    });
    const last = events.slice(events.findLastIndex(({ type }) => type === 'message.completed'));
    expect(typesOf(last)).toEqual(['message.completed', 'session.updated', 'run.completed']);
    expect((await lastRun(stack, key)).contextCalls).toEqual([
      expect.objectContaining({
        provider: 'first',
        phase: 'before',
        status: 'completed',
        attempts: 1,
        contributed: expect.objectContaining({ messages: 2, tools: ['near', 'apart'] }),
      }),
      expect.objectContaining({ provider: 'userProfile', phase: 'before', status: 'completed' }),
      expect.objectContaining({ provider: 'first', phase: 'after', status: 'completed' }),
    ]);
  },
);

const without = agentWith([]);
test('an agent without context providers leaves no rows of any', async () => {
  const key = shared.key();
  await shared.sender.submit(key, { content: 'Hello', agent: without });
  await shared.ended(key);
  expect((await lastRun(shared, key)).contextCalls).toBeUndefined();
  const rows = 'SELECT * FROM perdure.context_calls WHERE user_id = $1';
  expect(await shared.db.query(rows, [key.user])).toEqual([]);
});

let names = 0;

/** An agent with a provider that throws in its first calls. */
function flaky(
  failures: number,
  onError: 'fail' | 'skip',
  phase: 'beforeRun' | 'afterRun',
  ...others: (typeof userProfile)[]
) {
  const attempts: number[] = [];
  const keys = new Set<string>();
  const provider = defineContextProvider({
    name: `flaky-${(names += 1)}`,
    onError,
    [phase]: ({ attempt, idempotencyKey }: { attempt: number; idempotencyKey: string }) => {
      attempts.push(attempt);
      keys.add(idempotencyKey);
      if (attempts.length <= failures) throw new Error(`No connection to ${attempt}.`);
      return {};
    },
  } as Parameters<typeof defineContextProvider>[0]);
  return { agent: agentWith([...others, provider]), name: provider.name, attempts, keys };
}

const bad = (options: Omit<Parameters<typeof defineContextProvider>[0], 'name'>) =>
  agentWith([
    defineContextProvider({ name: `bad-${(names += 1)}`, ...options } as Parameters<typeof defineContextProvider>[0]),
  ]);

describe('a provider that fails', () => {
  const twice = flaky(2, 'fail', 'beforeRun');
  test('is called again, with the same idempotency key', async () => {
    const key = shared.key();
    await shared.sender.submit(key, { content: 'Hello', agent: twice.agent });
    expect((await shared.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'ok' });
    expect(twice.attempts).toEqual([1, 2, 3]);
    expect(twice.keys.size).toBe(1);
  });

  let before = 0;
  const other = defineContextProvider({ name: 'other', beforeRun: () => ({ instructions: `${(before += 1)}` }) });
  test.each([
    ['beforeRun', flaky(3, 'fail', 'beforeRun', other)],
    ['afterRun', flaky(3, 'fail', 'afterRun', other)],
  ])(
    'in %s fails the run after its last attempt, which a resume continues with the missing calls',
    async (phase, { agent, name, attempts }) => {
      before = 0;
      const key = shared.key();
      const { runId } = await shared.sender.submit(key, { content: 'Hello', agent });
      const failed = (await shared.ended(key)).at(-1);
      expect(failed).toMatchObject({ type: 'run.failed', error: { code: 'context_provider_failed' } });
      expect(JSON.stringify(failed)).toContain(`\\"${name}\\" failed in ${phase} (attempt 3 of 3)`);
      // What a provider throws may quote content: it is in the run's record, and in no event or failure.
      expect(JSON.stringify(failed)).not.toContain('No connection');
      const run = await lastRun(shared, key);
      expect(run).toMatchObject({ status: 'failed', output: null });
      const error = 'No connection to 3.';
      expect(run.contextCalls?.at(-1)).toMatchObject({ provider: name, status: 'failed', attempts: 3, error });
      await shared.sender.resume(key, { runId: runId as string });
      expect((await shared.ended(key, 2)).at(-1)).toMatchObject({ type: 'run.completed', output: 'ok' });
      expect({ attempts, before, modelCalls: requests.length }).toEqual({
        attempts: [1, 2, 3, 1],
        before: 1,
        modelCalls: 1,
      });
    },
  );

  test.each([
    ['beforeRun', flaky(10, 'skip', 'beforeRun')],
    ['afterRun', flaky(10, 'skip', 'afterRun')],
  ])('in %s is left out with onError "skip"', async (_phase, { agent, name }) => {
    const key = shared.key();
    await shared.sender.submit(key, { content: 'Hello', agent });
    expect((await shared.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'ok' });
    expect((await lastRun(shared, key)).contextCalls).toEqual([
      expect.objectContaining({ status: 'skipped', attempts: 3, error: 'No connection to 3.' }),
    ]);
    const { text } = await shared.telemetry.metrics.scrape();
    expect(text).toMatch(
      new RegExp(`^perdure_context_provider_duration_seconds_count\\{.*${name}.*failed.*\\} 3$`, 'm'),
    );
  });

  test.each<[string, string, string]>([
    [
      'that hangs is cut at its timeout',
      bad({ timeoutMs: 50, maxAttempts: 1, beforeRun: () => new Promise(() => {}) }),
      'It timed out after 50 ms.',
    ],
    [
      'whose contribution is too large fails at once',
      bad({ beforeRun: () => ({ instructions: 'x'.repeat(300_000) }) }),
      'What it contributed is too large: 300019 bytes as JSON, the limit is 262144.',
    ],
    [
      'that returns something else fails at once',
      bad({ beforeRun: () => ({ instruction: 'x' }) as object }),
      'What it returned is not valid: instruction: unknown field; did you mean "instructions"?',
    ],
    [
      'that adds a tool which it does not declare fails at once',
      bad({ beforeRun: () => ({ tools: ['rm'] }) }),
      'It contributed the tool "rm", which the provider does not declare',
    ],
    [
      'whose change of state is no JSON fails at once',
      bad({ beforeRun: () => ({ state: { at: new Map([[1, 2]]) as never } }) }),
      'The patch of the state is not JSON',
    ],
    [
      'whose change of state is too large fails at once',
      bad({ beforeRun: () => ({ state: { text: 'x'.repeat(140_000) } }) }),
      'of the state would have',
    ],
  ])('%s', async (_what, agent, error) => {
    const key = shared.key();
    await shared.sender.submit(key, { content: 'Hello', agent });
    expect((await shared.ended(key)).at(-1)).toMatchObject({ type: 'run.failed' });
    const [call] = (await lastRun(shared, key)).contextCalls ?? [];
    expect(call).toMatchObject({ status: 'failed', attempts: 1, error: expect.stringContaining(error) });
    expect(requests).toEqual([]);
  });
});

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
  const agent = agentWith([provider]);
  const { name } = provider;
  return { agent, name, called: called.promise, release: () => release.resolve(), calls: () => calls };
}

describe('while a provider is called', () => {
  const cancelledBefore = held('beforeRun');
  test('before the run, a cancel aborts it and cancels the run', async () => {
    const { agent, name, called, release } = cancelledBefore;
    const key = shared.key();
    const { runId } = await shared.sender.submit(key, { content: 'Hello', agent });
    const signal = await called;
    expect(await shared.sender.cancel(key, {})).toEqual({ runId });
    expect(typesOf(await shared.ended(key)).slice(-2)).toEqual(['run.started', 'run.cancelled']);
    expect(signal.aborted).toBe(true);
    expect((await lastRun(shared, key)).contextCalls).toEqual([expect.objectContaining({ status: 'cancelled' })]);
    release();
    await shared.sender.resume(key, { runId: runId as string });
    expect((await shared.ended(key, 2)).at(-1)).toMatchObject({ type: 'run.completed' });
    expect((await readSession(shared.db, key))?.state).toEqual({ [name]: { calls: 2 } });
  });

  const cancelledAfter = held('afterRun');
  test('after the answer, a cancel completes the run with it', async () => {
    const { agent, called, release } = cancelledAfter;
    const key = shared.key();
    await shared.sender.submit(key, { content: 'Hello', agent });
    const signal = await called;
    await shared.sender.cancel(key, {});
    expect((await shared.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'ok' });
    expect(signal.aborted).toBe(true);
    expect(await lastRun(shared, key)).toMatchObject({ status: 'completed', output: 'ok' });
    expect((await readSession(shared.db, key))?.state).toEqual({});
    release();
    await shared.sender.submit(key, { content: 'Next' });
    expect((await shared.ended(key, 2)).at(-1)).toMatchObject({ type: 'run.completed' });
  });

  const steeredAfter = held('afterRun');
  test('after the answer, a message to steer by gets a run of its own', async () => {
    const { agent, name, called, release, calls } = steeredAfter;
    const key = shared.key();
    await shared.sender.submit(key, { content: 'Hello', agent });
    await called;
    expect((await readSnapshot(shared.db, key, () => ({ idleTimeoutMs: 1, maxAgeMs: 1 })))?.waitingFor).toMatchObject({
      what: 'context',
      who: `the context provider ${name}`,
    });
    const receipt = await shared.sender.submit(key, { content: 'Left', whileRunning: 'steer' });
    expect(receipt.disposition).toBe('queued');
    release();
    expect((await shared.ended(key, 2)).filter(({ type }) => type === 'run.completed')).toHaveLength(2);
    expect(calls()).toBe(2);
  });

  const steeredBefore = held('beforeRun');
  test('before the run, a message to steer by joins it', async () => {
    const { agent, called, release, calls } = steeredBefore;
    const key = shared.key();
    await shared.sender.submit(key, { content: 'Hello', agent });
    await called;
    const receipt = await shared.sender.submit(key, { content: 'Left', whileRunning: 'steer' });
    expect(receipt.disposition).toBe('steered');
    release();
    await shared.ended(key);
    expect(requests.map(({ messages }) => messages.map(({ content }) => content))).toEqual([['Hello', 'Left']]);
    expect(calls()).toBe(1);
  });

  const ended = held('afterRun');
  test('the end of the session completes an answered run', async () => {
    const key = shared.key();
    await shared.sender.submit(key, { content: 'Hello', agent: ended.agent });
    await ended.called;
    await shared.sender.end(key, {});
    const types = typesOf(await shared.ended(key));
    expect(types).toContain('run.completed');
    expect(types).not.toContain('run.cancelled');
  });

  const drained = held('beforeRun');
  test('a worker that shuts down leaves the call to the next one, and uses up no attempt', async () => {
    const key = shared.key();
    await shared.sender.submit(key, { content: 'Hello', agent: drained.agent });
    await drained.called;
    await shared.stopWorker();
    drained.release();
    await shared.startWorker();
    await shared.ended(key);
    expect((await lastRun(shared, key)).contextCalls).toEqual([
      expect.objectContaining({ status: 'completed', attempts: 1 }),
    ]);
    expect(drained.calls()).toBe(2);
  });
});

const told = defineContextProvider({
  name: 'told',
  beforeRun: ({ messages }) => ({ instructions: `About ${messages[0]?.content}.` }),
});
const forgetful = agentWith([told], { history: false });
test('an agent without history gets the contributions', async () => {
  const key = shared.key();
  for (const [at, content] of ['One', 'Two'].entries()) {
    await shared.sender.submit(key, { content, agent: forgetful });
    await shared.ended(key, at + 1);
  }
  expect(requests.map(({ instructions, messages }) => [instructions, messages.length])).toEqual([
    ['Be brief.\n\nAbout One.', 1],
    ['Be brief.\n\nAbout Two.', 1],
  ]);
});

const once = flaky(0, 'fail', 'afterRun', told);
test('a run without a session calls its providers', async () => {
  const key = shared.key('run-one');
  await shared.sender.submitRun(key, { content: 'One', agent: once.agent });
  expect((await shared.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'ok' });
  expect(requests.map(({ instructions }) => instructions)).toEqual(['Be brief.\n\nAbout One.']);
  expect(once.attempts).toEqual([1]);
});
