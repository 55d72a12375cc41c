import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AgentSpec } from '../../../contracts/agent.ts';
import type { Json } from '../../../contracts/json.ts';
import type { LiveEvent, PerdureEvent } from '../../../contracts/events/event.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { ModelError } from '../../../models/model-client.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { lastUserMessage, type FunctionModel, type FunctionReply } from '../../../testing/function-models.ts';
import { failedTasks, historyOf } from '../../support/temporal/raw-temporal.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;

/** What the model does with a message, by the message: called for each attempt, from 1. */
const plays = new Map<
  string,
  (attempt: number, ...rest: Parameters<FunctionModel>) => FunctionReply | Promise<FunctionReply>
>();
const times = new Map<string, number[]>();

const model: FunctionModel = (request, options) => {
  const said = lastUserMessage(request);
  const at = times.get(said) ?? [];
  times.set(said, at);
  at.push(performance.now());
  const play = plays.get(said);
  return play ? play(at.length, request, options) : `echo ${said}`;
};

const retry = { maxAttempts: 3, initialIntervalMs: 1, maxIntervalMs: 5 };
const agents: AgentSpec[] = [
  { name: 'assistant', policy: { retry } },
  { name: 'strict', policy: { retry, failSessionOnRunFailure: true } },
  { name: 'hurried', policy: { retry, runTimeoutMs: 1_000 } },
  { name: 'short', policy: { retry, maxSteps: 3 }, tools: [] },
  { name: 'lost', policy: { retry }, model: 'function/none' },
];

beforeAll(async () => {
  stack = await startStack({ temporal: await testTemporal(), model, agents });
});
afterAll(() => stack[Symbol.asyncDispose]());

let marks = 0;

/** Sends one message to a new session, with what the model does about it. */
async function send(
  play: (attempt: number, ...rest: Parameters<FunctionModel>) => FunctionReply | Promise<FunctionReply>,
  agent = 'assistant',
) {
  const content = `message ${(marks += 1)}`;
  plays.set(content, play);
  const key = stack.key();
  const live: LiveEvent[] = [];
  await stack.live.subscribe(key, (message) => {
    if (message.kind === 'live') live.push(message.event);
  });
  const { runId } = await stack.sender.submit(key, { content, agent });
  return { key, content, live, runId: runId as string, at: () => times.get(content) ?? [] };
}

const failing = (reason: string, retryable: boolean, retryAfterMs?: number) =>
  new ModelError(reason, `The provider said ${reason}.`, {
    retryable,
    retryAfterMs: retryAfterMs ?? null,
    httpStatus: 429,
  });

const replies = (events: readonly PerdureEvent[]) => events.filter(({ type }) => type === 'message.completed');

test('a failure that may pass is tried again, as long after as the provider asked, and attempts are counted', async () => {
  const { key, runId, at } = await send((attempt) => {
    if (attempt === 1) throw failing('rate_limited', true, 400);
    return 'at last';
  });
  const events = await stack.ended(key);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'at last', steps: 1 });
  expect(replies(events)).toMatchObject([{ attempt: 2 }]);
  // Not a bound on speed: sooner than the provider asked would be the mistake.
  const [first = 0, second = 0] = at();
  expect(second - first).toBeGreaterThanOrEqual(390);
  expect((await readRun(stack.db, key, runId))?.stepList).toMatchObject([{ step: 1, attempts: 2, committed: true }]);
});

test('the text of a failed attempt is taken back before the next one speaks', async () => {
  const { key, live } = await send((attempt, _request, { onDelta }) => {
    onDelta({ kind: 'text', text: `try ${attempt}` });
    if (attempt === 1) throw failing('stream_truncated', true);
    return `try ${attempt}`;
  });
  expect((await stack.ended(key)).at(-1)).toMatchObject({ output: 'try 2' });
  const told = live.map((event) => [event.type, 'attempt' in event ? event.attempt : 0]);
  const retracted = told.findIndex(([type, attempt]) => type === 'step.retracted' && attempt === 1);
  expect(retracted).toBeGreaterThan(told.findIndex(([type, attempt]) => type === 'message.delta' && attempt === 1));
  expect(retracted).toBeLessThan(told.findIndex(([type, attempt]) => type === 'message.delta' && attempt === 2));
});

test('when its tries are used up the run fails with the reason and the number of tries', async () => {
  const { key, at } = await send(() => {
    throw failing('server_error', true);
  });
  const end = (await stack.ended(key)).at(-1);
  expect(end).toMatchObject({ type: 'run.failed', error: { code: 'server_error' } });
  expect(end).toMatchObject({ error: { detail: expect.stringContaining('after 3 attempts') } });
  expect(at()).toHaveLength(3);
});

test('a failure that will not pass ends the run at once', async () => {
  const { key, at } = await send(() => {
    throw failing('quota_exhausted', false);
  });
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.failed', error: { code: 'quota_exhausted' } });
  expect(at()).toHaveLength(1);
});

test('what a model client throws by mistake is tried again, but not for ever, and its words are kept to itself', async () => {
  const { key, at } = await send(() => {
    throw new TypeError('cannot read the secret hunter2');
  });
  const end = (await stack.ended(key)).at(-1);
  expect(end).toMatchObject({ type: 'run.failed', error: { code: 'internal' } });
  expect(JSON.stringify(end)).not.toContain('hunter2');
  expect(at()).toHaveLength(3);
});

test('after a failed run the session goes on, and counts the error', async () => {
  const { key } = await send(() => {
    throw failing('quota_exhausted', false);
  });
  await stack.ended(key);
  await stack.sender.submit(key, { content: 'next' });
  expect((await stack.ended(key, 2)).at(-1)).toMatchObject({ output: 'echo next' });
  expect(await readSession(stack.db, key)).toMatchObject({ status: 'active', errors: 1, runs: 2 });
});

test('a resumed run goes on from its last completed step', async () => {
  let broken = true;
  const tool = { callId: 'c1', tool: 'nothing', arguments: {}, malformed: null };
  const { key, runId, at } = await send((_attempt, { messages }) => {
    if (messages.at(-1)?.role === 'user') return { text: 'One moment.', toolCalls: [tool] };
    if (broken) throw failing('authentication', false);
    return 'all good';
  });
  await stack.ended(key);
  expect(at()).toHaveLength(2);
  broken = false;
  await stack.sender.resume(key, { runId });
  const events = await stack.ended(key, 2);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', runId, output: 'all good', steps: 2 });
  // The first step was not asked for again.
  expect(at()).toHaveLength(3);
  expect(replies(events)).toHaveLength(2);
  expect(await readRun(stack.db, key, runId)).toMatchObject({ status: 'completed', error: null });
  await expect(stack.sender.resume(key, { runId })).rejects.toMatchObject({ code: 'invalid_request' });
});

test('a run whose attempts are used up gets as many again when it is resumed', async () => {
  const { key, runId, at } = await send((attempt) => {
    if (attempt <= 5) throw failing('server_error', true);
    return 'at last';
  });
  await stack.ended(key);
  await stack.sender.resume(key, { runId });
  expect((await stack.ended(key, 2)).at(-1)).toMatchObject({ type: 'run.completed', output: 'at last' });
  expect(at()).toHaveLength(6);
});

test('a cancelled run can be resumed too', async () => {
  const begun = Promise.withResolvers<void>();
  const { key, runId } = await send((attempt, _request, { signal }) => {
    if (attempt > 1) return 'after all';
    begun.resolve();
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  });
  await begun.promise;
  await stack.sender.cancel(key, {});
  await stack.ended(key);
  await stack.sender.resume(key, { runId });
  expect((await stack.ended(key, 2)).at(-1)).toMatchObject({ type: 'run.completed', runId, output: 'after all' });
});

test('a session fails with its run where the policy says so, and a message reopens it', async () => {
  const { key } = await send(() => {
    throw failing('quota_exhausted', false);
  }, 'strict');
  const events = await stack.until(key, (found) => found.some(({ type }) => type === 'session.failed'));
  expect(events.at(-1)).toMatchObject({ type: 'session.failed' });
  await stack.client.workflow.getHandle(workflowIdOf(key)).result();
  expect(await readSession(stack.db, key)).toMatchObject({ status: 'failed' });
  await stack.sender.submit(key, { content: 'again' });
  const all = await stack.ended(key, 2);
  expect(all).toContainEqual(expect.objectContaining({ type: 'session.recovered', reason: 'reopened' }));
  expect(all.at(-1)).toMatchObject({ output: 'echo again' });
  expect(await readSession(stack.db, key)).toMatchObject({ status: 'active' });
});

test('a run that uses up its working time fails as run_timeout, and its model call is aborted', async () => {
  const aborted = Promise.withResolvers<void>();
  const { key } = await send((_attempt, _request, { signal }) => {
    signal.addEventListener('abort', () => aborted.resolve());
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  }, 'hurried');
  await aborted.promise;
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.failed', error: { code: 'run_timeout' } });
});

test('a run that never comes to an answer fails at its limit of steps', async () => {
  const { key } = await send(
    (attempt) => ({ toolCalls: [{ callId: `c${attempt}`, tool: 'nothing', arguments: {}, malformed: null }] }),
    'short',
  );
  const events = await stack.ended(key);
  expect(events.at(-1)).toMatchObject({ type: 'run.failed', error: { code: 'step_limit' }, steps: 3 });
  expect(replies(events)).toHaveLength(3);
});

test("the session's policy wins over the agent's", async () => {
  const key = stack.key();
  await stack.sender.open(key, { policy: { retry: { maxAttempts: 1 } } });
  plays.set('only once', () => {
    throw failing('server_error', true);
  });
  await stack.sender.submit(key, { content: 'only once' });
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.failed' });
  expect(times.get('only once')).toHaveLength(1);
});

test('no workflow task fails in any of this', async () => {
  const { key } = await send((attempt) => {
    if (attempt < 3) throw failing('timeout', true);
    return 'fine';
  });
  await stack.ended(key);
  expect(failedTasks(await historyOf(stack.client, workflowIdOf(key)))).toEqual([]);
});

test('a reply that the store does not take is a failed attempt: the calls are counted, and the run ends', async () => {
  await stack.db.query(`ALTER TABLE perdure.steps ADD CONSTRAINT no_poison CHECK (model <> 'poison')`, []);
  const { key, runId, at } = await send(() => ({ text: 'never stored', model: 'poison' }));
  expect((await stack.ended(key)).at(-1)).toMatchObject({
    type: 'run.failed',
    error: {
      code: 'internal',
      detail: expect.stringMatching(/could not be stored.*SQLSTATE 23514.*Gave up after 3 attempts/),
    },
  });
  expect(at()).toHaveLength(3);
  const run = await readRun(stack.db, key, runId);
  expect(run?.modelCalls).toMatchObject(
    [1, 2, 3].map((attempt) => ({ attempt, outcome: 'failed', errorCode: 'internal', usage: { inputTokens: 10 } })),
  );
});

test('odd token counts cost their reply nothing: they are unknown', async () => {
  const usage = { inputTokens: 1.5, outputTokens: -1, cachedTokens: Number.NaN, reasoningTokens: 3 };
  const { key, runId } = await send(() => ({ text: 'fine', usage }));
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'fine' });
  const unknown = { inputTokens: null, outputTokens: null, cachedTokens: null, reasoningTokens: 3 };
  expect((await readRun(stack.db, key, runId))?.modelCalls).toMatchObject([{ outcome: 'completed', usage: unknown }]);
});

test('call ids that the store cannot hold are replaced, and arguments that are nested too deeply are refused to the model', async () => {
  let deep: Json = {};
  for (let level = 0; level < 20_000; level += 1) deep = { deep };
  const call = { tool: 'nothing', malformed: null };
  const { key, at } = await send((attempt) =>
    attempt > 1
      ? 'done'
      : {
          toolCalls: [
            { ...call, callId: 'nul\u0000', arguments: {} },
            { ...call, callId: 'half\ud83d', arguments: {} },
            { ...call, callId: 'x'.repeat(5_000), arguments: {} },
            { ...call, callId: 'deep', arguments: deep },
          ],
        },
  );
  const events = await stack.ended(key);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'done' });
  expect(at()).toHaveLength(2);
  const called = events.flatMap((event) => (event.type === 'tool.called' ? [event] : []));
  expect(called.map(({ callId }) => callId)).toEqual(['nul\ufffd', 'half\ufffd', 'x'.repeat(200), 'deep']);
  expect(called.at(-1)?.arguments).toEqual({});
});

test('a failure that is none of the model or a tool is retried ten times in a row at most', async () => {
  await stack.db.query(
    `CREATE FUNCTION perdure.broken() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN IF NEW.agent = 'short' AND NEW.status = 'running' THEN RAISE EXCEPTION 'broken'; END IF; RETURN NEW; END $$`,
    [],
  );
  await stack.db.query(
    `CREATE TRIGGER broken BEFORE UPDATE ON perdure.runs FOR EACH ROW EXECUTE FUNCTION perdure.broken()`,
    [],
  );
  const { key, runId, at } = await send(() => 'never', 'short');
  expect((await stack.ended(key)).at(-1)).toMatchObject({
    type: 'run.failed',
    error: { code: 'internal', detail: expect.stringMatching(/unexpectedly 10 times in a row: .*SQLSTATE P0001/) },
  });
  expect(at()).toEqual([]);
  expect((await readRun(stack.db, key, runId))?.status).toBe('failed');
}, 60_000);
