import { ApplicationFailure } from '@temporalio/activity';
import { beforeEach, expect, test } from 'vitest';
import type { ActivityDeps } from '../../../activities/shared/deps.ts';
import { StepStream } from '../../../activities/shared/step-stream.ts';
import { Stopped } from '../../../activities/shared/stop-watch.ts';
import type { ModelCallOutcome } from '../../../activities/run/model-call-outcome.ts';
import { applyCallOutcome } from '../../../activities/run/apply-call-outcome.ts';
import type { StepTask } from '../../../activities/run/step-task.ts';
import { PerdureError } from '../../../contracts/errors.ts';
import { createPriceTable } from '../../../models/price-table.ts';
import { ModelError } from '../../../models/model-client.ts';
import { createLog } from '../../../telemetry/log.ts';
import { createTelemetry } from '../../../telemetry/telemetry.ts';
import { NO_COMMITS } from '../../support/no-commits.ts';

const RETRY = { maxAttempts: 3, initialIntervalMs: 100, backoffCoefficient: 2, maxIntervalMs: 1_000 };
const POSITION = { step: 1, attempt: 1, attemptsSinceResume: 1, model: 'test/one', failedModels: [], throughSeq: 1 };
const timings = { firstTokenMs: 1, durationMs: 2 };
const sent = { inputTokens: 5, context: { throughSeq: 1, runs: 20 } };
const rateLimited = new ModelError('rate_limited', 'Too many requests.', { retryable: true, httpStatus: 429 });
const timeUp = ApplicationFailure.nonRetryable('The time is up.', 'run_timeout');
const cancelled = new Stopped({ kind: 'stop', reason: 'cancelled' });
const left = new Stopped({ kind: 'leave' });

/** What happened, in order. */
let effects: string[] = [];
beforeEach(() => {
  effects = [];
});

/** Settles the outcome of a call that has streamed a text, in a store that works or fails. */
async function settle(outcome: ModelCallOutcome, storeError?: PerdureError, otherModels: readonly string[] = []) {
  const live: ActivityDeps['live'] = {
    publish: (_key, message) => {
      if (message.kind !== 'live') return;
      effects.push(message.event.type);
      if (message.event.type === 'attempt.failed' && message.event.nextModel) effects.push(message.event.nextModel);
    },
    subscribe: async () => ({ close: () => {} }),
    ready: async () => true,
    close: async () => {},
  };
  const db = {
    transaction: async () => {
      effects.push('store');
      if (storeError) throw storeError;
      return { events: [] };
    },
  };
  const telemetry = createTelemetry({ log: createLog({ write: () => effects.push('log') }) });
  const key = { user: 'ann', session: 'trip' };
  const stream = new StepStream(live, key, 'run');
  stream.start(1, 1);
  stream.append('text', 'Once');
  effects = [];
  const permit = { settle: async ({ health }: { health: string }) => void effects.push(`permit ${health}`) };
  const task = {
    key,
    runId: 'run',
    position: { ...POSITION, otherModels, permit },
    agent: { hash: 'v1', spec: { name: 'tutor' }, tools: [] },
    stream,
  } as unknown as StepTask;
  const deps = { db, live, telemetry, commits: NO_COMMITS, prices: createPriceTable() } as unknown as ActivityDeps;
  const settled = await applyCallOutcome(
    deps,
    task,
    { retry: RETRY, whenProviderDown: 'wait', maxWaitMs: 60_000, failSessionOnRunFailure: false },
    outcome,
  ).catch((error: unknown) => error);
  return { settled, text: stream.text.text };
}

test('an answered call settles its permit and keeps its text for the commit', async () => {
  const reply = { text: 'Once', reasoning: '', toolCalls: [], finish: 'stop', usage: null, model: 'one' } as const;
  const { settled, text } = await settle({ kind: 'answered', reply, ...sent, ...timings });
  expect(settled).toMatchObject({ reply, ...timings });
  expect(effects).toEqual(['permit up']);
  expect(text).toBe('Once');
});

test('a failed call settles its permit, is recorded, retracts its text, is reported to readers and is logged, in this order', async () => {
  const { settled } = await settle({ kind: 'failed', error: rateLimited, sent, timings });
  expect(effects).toEqual(['permit up', 'store', 'step.retracted', 'attempt.failed', 'log']);
  expect(settled).toMatchObject({ type: 'rate_limited', nonRetryable: false });
});

test('a failed call that is not retried is followed by the next model at once', async () => {
  const error = new ModelError('quota_exhausted', 'No quota.', { retryable: false, httpStatus: 429 });
  const { settled } = await settle({ kind: 'failed', error, sent, timings }, undefined, ['test/two', 'test/three']);
  expect(effects).toEqual(['permit up', 'store', 'step.retracted', 'attempt.failed', 'test/two', 'log']);
  expect(settled).toMatchObject({
    type: 'quota_exhausted',
    nonRetryable: false,
    message: 'No quota. The model test/two is asked next.',
    nextRetryDelay: 1,
  });
});

test('a call that was not sent leaves its permit to be returned unused', async () => {
  const { settled } = await settle({ kind: 'failed', error: rateLimited, sent: null, timings });
  expect(effects).toEqual(['store', 'step.retracted', 'attempt.failed', 'log']);
  expect(settled).toMatchObject({ type: 'rate_limited' });
});

test('a call that runs out of time is recorded and retracted, and ends the run', async () => {
  const { settled } = await settle({ kind: 'timedOut', failure: timeUp, sent, timings });
  expect(effects).toEqual(['permit unknown', 'store', 'step.retracted']);
  expect(settled).toBe(timeUp);
});

test('a cancelled call commits its text as partial, and retracts nothing', async () => {
  const { settled, text } = await settle({ kind: 'stopped', stop: cancelled, sent, timings });
  expect(effects).toEqual(['permit unknown', 'store']);
  expect([settled, text]).toEqual([cancelled, '']);
});

test('a call that its worker leaves is recorded and not retracted: the next attempt does that', async () => {
  const { settled, text } = await settle({ kind: 'stopped', stop: left, sent, timings });
  expect(effects).toEqual(['permit unknown', 'store']);
  expect([settled, text]).toEqual([left, 'Once']);
});

test('a stale call has no effect', async () => {
  const { settled } = await settle({ kind: 'stale' });
  expect([settled, effects]).toEqual([null, []]);
});

test.each<[ModelCallOutcome]>([
  [{ kind: 'failed', error: rateLimited, sent, timings }],
  [{ kind: 'timedOut', failure: timeUp, sent, timings }],
  [{ kind: 'stopped', stop: cancelled, sent, timings }],
])('while the store is unavailable the text is retracted and the error of the store thrown: $kind', async (outcome) => {
  const unavailable = new PerdureError('store_unavailable', 'The store is unavailable.');
  const { settled } = await settle(outcome, unavailable);
  expect(effects.slice(1)).toEqual(['store', 'step.retracted']);
  expect(settled).toBe(unavailable);
});
