import { expect, test } from 'vitest';
import type { AgentSpec } from '../../../contracts/agent.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { readRunFacts } from '../../../store/read/read-run-facts.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { mostAtOnce, startSharedProvider, type SharedProvider } from '../../support/models/shared-provider.ts';

const FINE = { text: 'fine' };
const retry = { maxAttempts: 10, initialIntervalMs: 1, maxIntervalMs: 5 };
const agents: AgentSpec[] = [
  { name: 'assistant', policy: { retry } },
  { name: 'hurried', policy: { retry, runTimeoutMs: 1_000 } },
  { name: 'proud', policy: { retry, whenProviderDown: 'fail' } },
  { name: 'impatient', policy: { retry, maxWaitMs: 300 } },
];

async function send({ stack }: SharedProvider, agent = 'assistant', key: SessionKey = stack.key()) {
  const { runId } = await stack.sender.submit(key, { content: 'hello', agent });
  return { key, runId: runId as string };
}

const waitsOf = ({ stack }: SharedProvider, { user, session }: SessionKey) =>
  stack.db.query<{ kind: string; provider: string; ended: boolean }>(
    `SELECT kind, provider, ended_at IS NOT NULL AS ended FROM perdure.waits
      WHERE user_id = $1 AND session_id = $2 ORDER BY started_at`,
    [user, session],
  );

test('two workers together never have more calls going than may; those that wait use up no attempt', async () => {
  await using shared = await startSharedProvider({ concurrency: 3 }, agents);
  // Long enough that a busy machine, too, begins three before the first is over.
  shared.stub.behave(() => ({ text: 'fine', firstDelayMs: 300 }));
  const sent = await Promise.all(Array.from({ length: 24 }, () => send(shared)));
  const ends = await Promise.all(sent.map(async ({ key }) => (await shared.stack.ended(key)).at(-1)?.type));
  expect(new Set(ends)).toEqual(new Set(['run.completed']));
  expect(shared.stub.requests).toHaveLength(24);
  expect(mostAtOnce(shared.stub.requests)).toBe(3);
  const runs = await Promise.all(sent.map(({ key, runId }) => readRun(shared.stack.db, key, runId)));
  expect(new Set(runs.map((run) => run?.stepList[0]?.attempts))).toEqual(new Set([1]));
  const waits = (await Promise.all(sent.map(({ key }) => waitsOf(shared, key)))).flat();
  expect(waits.length).toBeGreaterThan(0);
  expect(waits.every(({ kind, ended }) => kind === 'rate_limit' && ended)).toBe(true);
  const told = await Promise.all(sent.map(({ key, runId }) => readRunFacts(shared.stack.db, key, runId)));
  expect(told.flatMap((facts) => facts?.waits ?? [])).toContainEqual(
    expect.objectContaining({ kind: 'limit', who: 'stub', endedAt: expect.any(String) }),
  );
  // The last places are given back after their replies are committed.
  await expect.poll(async () => (await shared.provider())?.inFlight).toBe(0);
});

test('calls of a minute are spread: a tenth may begin at once', async () => {
  await using shared = await startSharedProvider({ requestsPerMinute: 120 }, agents);
  shared.stub.behave(() => FINE);
  const sent = await Promise.all(Array.from({ length: 18 }, () => send(shared)));
  await Promise.all(sent.map(({ key }) => shared.stack.ended(key)));
  const at = shared.stub.requests.map((request) => request.at).toSorted((a, b) => a - b);
  expect(at).toHaveLength(18);
  // 12 at once, then one each 60 s / 109. Not a bound on speed: sooner would be the mistake.
  expect((at.at(-1) ?? 0) - (at[0] ?? 0)).toBeGreaterThan((6 * 60_000) / 109 - 300);
});

test('a run that is itself told to wait for long fails if its policy says so, and waits visibly if it does not', async () => {
  await using shared = await startSharedProvider({}, agents);
  const refusal = { text: '', failure: { status: 429, code: 'rate_limit_exceeded', retryAfterMs: 600_000 } };
  shared.stub.enqueue(refusal);
  shared.stub.behave(() => FINE);
  const first = await send(shared, 'proud');
  expect((await shared.stack.ended(first.key)).at(-1)).toMatchObject({
    type: 'run.failed',
    error: { code: 'model_unavailable', detail: expect.stringContaining('policy whenProviderDown: fail') },
  });
  expect(shared.stub.requests).toHaveLength(1);
  await shared.stack.db.query(`DELETE FROM perdure.providers`, []);
  shared.stub.enqueue(refusal);
  const second = await send(shared, 'impatient');
  expect((await shared.stack.ended(second.key)).at(-1)).toMatchObject({
    type: 'run.failed',
    error: { code: 'model_unavailable', detail: expect.stringContaining('policy maxWaitMs: 300') },
  });
  expect(await waitsOf(shared, second.key)).toEqual([{ kind: 'cool_down', provider: 'stub', ended: true }]);
  await shared.stack.db.query(`DELETE FROM perdure.providers`, []);
  shared.stub.enqueue(refusal);
  const third = await send(shared);
  expect(await shared.untilWaiting(third.key, 'cool_down')).toMatchObject({ until: expect.any(String) });
  expect(shared.stub.requests).toHaveLength(3);
});

test('after a refusal no worker calls the provider until the time it named, whichever heard of it; working time is not used up', async () => {
  await using shared = await startSharedProvider({}, agents);
  const refusal = { text: '', failure: { status: 429, code: 'rate_limit_exceeded', retryAfterMs: 2_500 } };
  shared.stub.enqueue(refusal);
  shared.stub.behave(() => FINE);
  const first = await send(shared, 'hurried');
  await shared.untilProvider(({ state }) => state.coolDown.untilMs !== null);
  // From here on only the other worker runs. It knows of the cool-down by the notification alone.
  await shared.stack.stopWorker();
  const others = await Promise.all(Array.from({ length: 4 }, () => send(shared, 'hurried')));
  const [other] = others;
  expect(await shared.untilWaiting(other?.key ?? first.key, 'cool_down')).toMatchObject({
    who: 'the provider stub',
    until: expect.any(String),
  });
  for (const { key } of [first, ...others]) {
    expect((await shared.stack.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'fine' });
  }
  const [refused, ...later] = shared.stub.requests.map(({ at }) => at);
  expect(later).toHaveLength(5);
  expect(Math.min(...later) - (refused ?? 0)).toBeGreaterThanOrEqual(2_500);
});

test('five failures in a row open the circuit: calls stop; then one is tried, and closes it for all', async () => {
  await using shared = await startSharedProvider({ circuit: { openMs: 2_000 } }, agents);
  shared.stub.behave(() => ({ text: '', failure: { status: 503 } }));
  const failing = await send(shared);
  await shared.untilProvider(({ state }) => state.circuit.openUntilMs !== null);
  expect(shared.stub.requests).toHaveLength(5);
  expect(await shared.untilWaiting(failing.key, 'circuit')).toMatchObject({ until: expect.any(String) });
  const trial = Promise.withResolvers<void>();
  shared.stub.enqueue({ text: 'fine', hold: () => trial.promise });
  shared.stub.behave(() => FINE);
  const others = await Promise.all(Array.from({ length: 6 }, () => send(shared)));
  const tried = await shared.stub.received(6);
  expect(tried.at - (shared.stub.requests[4]?.closedAt() ?? 0)).toBeGreaterThanOrEqual(1_950);
  // All but the one that is tried have asked again, and wait for how it ends.
  await expect
    .poll(
      async () => {
        const found = await Promise.all([failing, ...others].map(({ key }) => shared.waitingFor(key)));
        return found.filter(({ what, until }) => what === 'circuit' && until === null).length;
      },
      { timeout: 10_000 },
    )
    .toBe(6);
  expect(shared.stub.requests).toHaveLength(6);
  trial.resolve();
  for (const { key } of [failing, ...others]) {
    expect((await shared.stack.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'fine' });
  }
  expect((await readRun(shared.stack.db, failing.key, failing.runId))?.stepList).toMatchObject([{ attempts: 6 }]);
  expect((await shared.provider())?.state.circuit).toEqual({ failures: 0, openedAtMs: null, openUntilMs: null });
});

test('a call that is tried and fails leaves the circuit open for as long again', async () => {
  await using shared = await startSharedProvider({ circuit: { failures: 2, openMs: 500 } }, agents);
  shared.stub.enqueue(...Array.from({ length: 3 }, () => ({ text: '', failure: { status: 503 } })));
  shared.stub.behave(() => FINE);
  const { key } = await send(shared);
  expect((await shared.stack.ended(key)).at(-1)).toMatchObject({ type: 'run.completed' });
  const [, second, third, fourth] = shared.stub.requests.map(({ at }) => at);
  expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(480);
  expect((fourth ?? 0) - (third ?? 0)).toBeGreaterThanOrEqual(480);
});

test('exhausted credit ends the run at once, and leaves the circuit closed', async () => {
  await using shared = await startSharedProvider({ circuit: { failures: 1 } }, agents);
  shared.stub.behave(() => ({ text: '', failure: { status: 429, code: 'insufficient_quota' } }));
  const { key } = await send(shared);
  expect((await shared.stack.ended(key)).at(-1)).toMatchObject({
    type: 'run.failed',
    error: { code: 'quota_exhausted' },
  });
  expect(shared.stub.requests).toHaveLength(1);
  shared.stub.behave(() => FINE);
  const next = await send(shared);
  expect((await shared.stack.ended(next.key)).at(-1)).toMatchObject({ type: 'run.completed' });
});

test('a run whose policy says so fails instead of waiting, and says for whom, why and until when', async () => {
  await using shared = await startSharedProvider({ circuit: { failures: 1 } }, agents);
  shared.stub.behave(() => ({ text: '', failure: { status: 500 } }));
  const failing = await send(shared);
  await shared.untilProvider(({ state }) => state.circuit.openUntilMs !== null);
  const proud = await send(shared, 'proud');
  const impatient = await send(shared, 'impatient');
  for (const [run, policy] of [
    [proud, 'whenProviderDown: fail'],
    [impatient, 'maxWaitMs: 300'],
  ] as const) {
    const end = (await shared.stack.ended(run.key)).at(-1);
    expect(end).toMatchObject({ type: 'run.failed', error: { code: 'model_unavailable' } });
    expect(JSON.stringify(end)).toMatch(
      /The circuit of the provider stub is open after repeated failures\. Waiting since 20\S+; calls resume at about 20\S+\./,
    );
    expect(JSON.stringify(end)).toContain(policy);
  }
  expect(shared.stub.requests).toHaveLength(1);
  // One that waits can be cancelled, and waits no more.
  await shared.untilWaiting(failing.key, 'circuit');
  await shared.stack.sender.cancel(failing.key, {});
  expect((await shared.stack.ended(failing.key)).at(-1)).toMatchObject({ type: 'run.cancelled' });
  expect(await waitsOf(shared, failing.key)).toMatchObject([{ kind: 'circuit', ended: true }]);
  expect((await shared.provider())?.waiting).toBe(0);
});

test('a resumed run that has to wait first still gets all its tries', async () => {
  const strict: AgentSpec = { name: 'strict', policy: { retry: { ...retry, maxAttempts: 2 } } };
  await using shared = await startSharedProvider({ circuit: { failures: 2, openMs: 300 } }, [strict]);
  shared.stub.enqueue(...Array.from({ length: 3 }, () => ({ text: '', failure: { status: 500 } })));
  shared.stub.behave(() => FINE);
  const { key, runId } = await send(shared, 'strict');
  expect((await shared.stack.ended(key)).at(-1)).toMatchObject({ type: 'run.failed', error: { code: 'server_error' } });
  await shared.stack.sender.resume(key, { runId });
  expect((await shared.stack.ended(key, 2)).at(-1)).toMatchObject({ type: 'run.completed', output: 'fine' });
  expect(shared.stub.requests).toHaveLength(4);
});
