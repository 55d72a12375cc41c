import { expect, onTestFinished, test } from 'vitest';
import { ProviderLimiter, type AcquireResult } from '../../../activities/shared/provider-limiter.ts';
import type { ProviderSettings } from '../../../contracts/provider.ts';
import { createInProcessLive } from '../../../live/in-process.ts';
import { createMetrics } from '../../../telemetry/metrics.ts';
import { newKey } from '../../store/conversation.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';

const database = embeddedDatabase();

const ANSWERED = { health: 'up', replied: true, tokens: null } as const;
const MAY_WAIT = { maxWaitMs: 60_000 };

/** A limiter of one provider, and its metrics. */
async function limiterFor(provider: string, settings: ProviderSettings) {
  const metrics = createMetrics();
  const live = createInProcessLive();
  const limiter = new ProviderLimiter({ db: database.db, live, providers: { [provider]: settings }, metrics });
  await limiter.start();
  onTestFinished(async () => {
    await limiter.stop();
    await live.close();
  });
  const counted = async (name: string) =>
    [...(await metrics.scrape()).text.matchAll(new RegExp(`^${name}.*$`, 'gm'))].map(([line]) => line);
  const acquire = (runId: string, key = newKey()) => limiter.acquire(provider, key, { runId, ...MAY_WAIT });
  return { acquire, counted };
}

function granted(result: AcquireResult): Extract<AcquireResult, { kind: 'granted' }> {
  if (result.kind === 'granted') return result;
  throw new Error(`It was told to ${result.kind}.`);
}

test('a wait for a limit is counted once, however often it asks, and timed when it may go', async () => {
  const { acquire, counted } = await limiterFor('limited', { concurrency: 1 });
  const { permit } = granted(await acquire('first'));
  expect(await counted('perdure_provider_waits_total{')).toEqual([]);
  const key = newKey();
  for (let n = 0; n < 3; n += 1)
    expect(await acquire('second', key)).toMatchObject({ kind: 'wait', why: 'rate_limit' });
  expect(await counted('perdure_provider_waits_total{')).toEqual([
    'perdure_provider_waits_total{provider="limited",kind="rate_limit"} 1',
  ]);
  expect(await counted('perdure_provider_wait_seconds_count')).toEqual([]);
  await permit.settle(ANSWERED);
  await granted(await acquire('second', key)).permit.settle(ANSWERED);
  expect(await counted('perdure_provider_wait_seconds_count')).toEqual([
    'perdure_provider_wait_seconds_count{provider="limited"} 1',
  ]);
  const [sum] = await counted('perdure_provider_wait_seconds_sum');
  expect(Number(sum?.split(' ').at(-1))).toBeGreaterThan(0);
});

test('waits for a circuit and for a cool-down are counted as such; who need not wait is not timed', async () => {
  const circuit = await limiterFor('broken', { circuit: { failures: 1 } });
  await granted(await circuit.acquire('first')).permit.settle({ health: 'down', replied: false, tokens: null });
  expect(await circuit.acquire('second')).toMatchObject({ kind: 'wait', why: 'circuit' });
  expect(await circuit.counted('perdure_provider_waits_total{')).toEqual([
    'perdure_provider_waits_total{provider="broken",kind="circuit"} 1',
  ]);
  const cooling = await limiterFor('busy', {});
  const refused = { health: 'up', replied: false, tokens: null, retryAfterMs: 60_000 } as const;
  await granted(await cooling.acquire('first')).permit.settle(refused);
  expect(await cooling.acquire('second')).toMatchObject({ kind: 'wait', why: 'cool_down' });
  expect(await cooling.counted('perdure_provider_waits_total{')).toEqual([
    'perdure_provider_waits_total{provider="busy",kind="cool_down"} 1',
  ]);
  expect(await cooling.counted('perdure_provider_wait_seconds_count')).toEqual([]);
});
