import { describe, expect, test } from 'vitest';
import { defineContextProvider } from '../../../agents/context/define-context-provider.ts';
import { userProfile } from '../../../agents/context/user-profile.ts';
import { lastRun, providerStack } from './provider-stack.ts';

const shared = providerStack();
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
  return { agent: shared.agentWith([...others, provider]), name: provider.name, attempts, keys };
}

const bad = (options: Omit<Parameters<typeof defineContextProvider>[0], 'name'>) =>
  shared.agentWith([
    defineContextProvider({ name: `bad-${(names += 1)}`, ...options } as Parameters<typeof defineContextProvider>[0]),
  ]);

describe('a provider that fails', () => {
  const twice = flaky(2, 'fail', 'beforeRun');
  test('is called again, with the same idempotency key', async () => {
    const key = shared.stack.key();
    await shared.stack.sender.submit(key, { content: 'Hello', agent: twice.agent });
    expect((await shared.stack.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'ok' });
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
      const key = shared.stack.key();
      const { runId } = await shared.stack.sender.submit(key, { content: 'Hello', agent });
      const failed = (await shared.stack.ended(key)).at(-1);
      expect(failed).toMatchObject({ type: 'run.failed', error: { code: 'context_provider_failed' } });
      expect(JSON.stringify(failed)).toContain(`\\"${name}\\" failed in ${phase} (attempt 3 of 3)`);
      // What a provider throws may quote content: it is in the run's record, and in no event or failure.
      expect(JSON.stringify(failed)).not.toContain('No connection');
      const run = await lastRun(shared.stack, key);
      expect(run).toMatchObject({ status: 'failed', output: null });
      const error = 'No connection to 3.';
      expect(run.contextCalls?.at(-1)).toMatchObject({ provider: name, status: 'failed', attempts: 3, error });
      await shared.stack.sender.resume(key, { runId: runId as string });
      expect((await shared.stack.ended(key, 2)).at(-1)).toMatchObject({ type: 'run.completed', output: 'ok' });
      expect({ attempts, before, modelCalls: shared.requests.length }).toEqual({
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
    const key = shared.stack.key();
    await shared.stack.sender.submit(key, { content: 'Hello', agent });
    expect((await shared.stack.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'ok' });
    expect((await lastRun(shared.stack, key)).contextCalls).toEqual([
      expect.objectContaining({ status: 'skipped', attempts: 3, error: 'No connection to 3.' }),
    ]);
    const { text } = await shared.stack.telemetry.metrics.scrape();
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
    const key = shared.stack.key();
    await shared.stack.sender.submit(key, { content: 'Hello', agent });
    expect((await shared.stack.ended(key)).at(-1)).toMatchObject({ type: 'run.failed' });
    const [call] = (await lastRun(shared.stack, key)).contextCalls ?? [];
    expect(call).toMatchObject({ status: 'failed', attempts: 1, error: expect.stringContaining(error) });
    expect(shared.requests).toEqual([]);
  });
});
