import { expect, test } from 'vitest';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { countFailedCall } from '../../../store/runs/count-failed-call.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { readPeriods } from '../../../store/budgets/read-periods.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { reserveCall } from '../../../store/runs/reserve-call.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { beginModel, call, converse, replyTo, USAGE } from '../conversation.ts';
import { begun, cost, reservation, today } from './begun-call.ts';

describeStores(DATABASES, (db) => {
  test("a failed call keeps the provider's description of its error, and the next one has none", async () => {
    const { key, runId, position } = await begun(db());
    const { step, attempt } = position;
    const timings = { usage: null, cost: cost(null), firstTokenMs: null, durationMs: 1 };
    const failed = { runId, step, attempt, errorCode: 'invalid_request', providerMessage: 'roles must alternate' };
    await countFailedCall(db(), key, { ...failed, ...timings });
    const second = await beginModel(db(), key, runId);
    await commitStep(db(), key, replyTo(runId, second));
    expect((await readRun(db(), key, runId))?.modelCalls).toMatchObject([
      { outcome: 'failed', providerMessage: 'roles must alternate' },
      { outcome: 'completed', providerMessage: null },
    ]);
  });

  test('each model call has a record, with its tokens and its cost, and run, session and day sum them up', async () => {
    const { key, runId, position } = await begun(db());
    const running = await readRun(db(), key, runId);
    expect(running?.modelCalls).toMatchObject([
      { step: 1, attempt: 1, model: 'scripted/one', outcome: 'running', costUsd: null, endedAt: null },
    ]);
    await commitStep(db(), key, {
      ...replyTo(runId, position, { toolCalls: [call('c', { refused: 'no' })] }),
      cost: cost(2_500_000),
    });
    const second = await beginModel(db(), key, runId);
    const ended = await commitStep(db(), key, { ...replyTo(runId, second), cost: cost(500_000) });

    expect(ended.events.at(-1)).toMatchObject({ type: 'run.completed', costUsd: 0.003 });
    const run = await readRun(db(), key, runId);
    expect(run).toMatchObject({ costUsd: 0.003, knownCostUsd: 0.003, unpricedCalls: 0 });
    expect(run?.modelCalls).toMatchObject([
      {
        step: 1,
        outcome: 'completed',
        usage: USAGE,
        costUsd: 0.0025,
        priceSource: 'test',
        firstTokenMs: 20,
        durationMs: 100,
      },
      { step: 2, outcome: 'completed', answeredBy: 'one', costUsd: 0.0005, priceDate: '2026-01-01', reservedUsd: null },
    ]);
    expect(await readSession(db(), key)).toMatchObject({ costUsd: 0.003, unpricedCalls: 0 });
    const { day } = await readPeriods(db(), key.user, today());
    expect(day).toMatchObject({ usedNanos: 3_000_000, usedTokens: 30, unpricedCalls: 0 });
  });

  test('one call of unknown cost makes the sum unknown, and says so', async () => {
    const { key, runId, position } = await begun(db());
    await commitStep(db(), key, { ...replyTo(runId, position), cost: cost(null) });
    await converse(db(), key, 'm2');
    expect(await readSession(db(), key)).toMatchObject({ costUsd: null, knownCostUsd: 0, unpricedCalls: 2 });
    expect((await readPeriods(db(), key.user, today())).month).toMatchObject({ unpricedCalls: 2, usedTokens: 30 });
  });

  test('an attempt that another one follows is lost: its tokens are unknown, and it is charged the estimate of its input', async () => {
    const { key, runId, position } = await begun(db());
    expect(await reserveCall(db(), key, reservation(runId, position))).toEqual({ kind: 'reserved' });
    const again = await beginModel(db(), key, runId);
    expect(again).toMatchObject({ step: 1, attempt: 2 });
    await reserveCall(db(), key, reservation(runId, again));
    await commitStep(db(), key, { ...replyTo(runId, again), cost: cost(1_000) });

    const run = await readRun(db(), key, runId);
    expect(run).toMatchObject({ costUsd: null, knownCostUsd: 0.000001, unpricedCalls: 1 });
    const estimated = { estimatedCalls: 1, estimatedInputTokens: 40, estimatedOutputTokens: 0, estimatedCostUsd: 0.4 };
    const known = { ...estimated, knownUsage: { inputTokens: 10, outputTokens: 5 }, unmeteredCalls: 1 };
    expect(run).toMatchObject(known);
    expect(await readSession(db(), key)).toMatchObject(known);
    expect(run?.modelCalls).toMatchObject([
      {
        attempt: 1,
        outcome: 'lost',
        usage: { inputTokens: null },
        costUsd: null,
        priceSource: 'test',
        reservedUsd: 1,
        reservedTokens: 100,
        estimate: { inputTokens: 40, outputTokens: 0, costUsd: 0.4 },
      },
      { attempt: 2, outcome: 'completed', costUsd: 0.000001, reservedUsd: 1, estimate: null },
    ]);
    const { month } = await readPeriods(db(), key.user, today());
    expect(month).toMatchObject({ usedNanos: 4e8 + 1_000, usedTokens: 55, estimatedNanos: 4e8, estimatedTokens: 40 });
    expect(month).toMatchObject({ reservedNanos: 0, reservedTokens: 0 });
  });

  test('a failed call is recorded with its code; what the provider refused cost nothing', async () => {
    const { key, runId, position } = await begun(db());
    const of = { runId, step: 1, firstTokenMs: null, durationMs: 40 };
    const nothing = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, reasoningTokens: 0 };
    await reserveCall(db(), key, reservation(runId, position));
    await countFailedCall(db(), key, { ...of, attempt: 1, errorCode: 'rate_limited', usage: nothing, cost: cost(0) });
    expect((await readPeriods(db(), key.user, today())).day).toMatchObject({ reservedNanos: 0, reservedTokens: 0 });
    const second = await beginModel(db(), key, runId);
    await reserveCall(db(), key, reservation(runId, second));
    await countFailedCall(db(), key, {
      ...of,
      attempt: 2,
      errorCode: 'stream_truncated',
      usage: null,
      cost: cost(null),
      estimate: { inputTokens: 40, outputTokens: 10, nanos: 5e8 },
    });

    const run = await readRun(db(), key, runId);
    expect(run).toMatchObject({ costUsd: null, knownCostUsd: 0, unpricedCalls: 1 });
    expect(run?.modelCalls).toMatchObject([
      { outcome: 'failed', errorCode: 'rate_limited', costUsd: 0, durationMs: 40 },
      { outcome: 'failed', errorCode: 'stream_truncated', costUsd: null },
    ]);
    const { day } = await readPeriods(db(), key.user, today());
    expect(day).toMatchObject({
      usedNanos: 5e8,
      usedTokens: 50,
      estimatedNanos: 5e8,
      reservedNanos: 0,
      reservedTokens: 0,
    });
  });

  test('a report that comes after its call was settled replaces the estimate, once', async () => {
    const { key, runId, position } = await begun(db());
    const { step, attempt, throughSeq } = position;
    await reserveCall(db(), key, reservation(runId, position));
    const end = { status: 'cancelled', reason: 'session_ended' } as const;
    await commitRunEnd(db(), key, { runId, end, partial: null, failSession: false });
    const spent = async () => (await readPeriods(db(), key.user, today())).month;
    expect(await spent()).toMatchObject({ usedNanos: 4e8, estimatedTokens: 40, reservedNanos: 0, unpricedCalls: 1 });
    const estimate = { inputTokens: 40, outputTokens: 20, nanos: 6e8 };
    const text = { text: 'so f', reasoning: '', model: 'one', firstTokenMs: 5, durationMs: 50 };
    const partial = { step, attempt, throughSeq, ...text, cost: cost(null), estimate };
    for (const _ of [1, 2]) await commitRunEnd(db(), key, { runId, end, partial, failSession: false });
    expect(await spent()).toMatchObject({ usedNanos: 6e8, estimatedTokens: 60, reservedNanos: 0, unpricedCalls: 1 });
    expect((await readRun(db(), key, runId))?.modelCalls).toMatchObject([
      { outcome: 'stopped', estimate: { inputTokens: 40, outputTokens: 20, costUsd: 0.6 }, firstTokenMs: 5 },
    ]);
  });

  test('a whole reply that comes too late is not committed, but its actual usage replaces the estimate', async () => {
    const { key, runId, position } = await begun(db());
    await reserveCall(db(), key, reservation(runId, position));
    await beginModel(db(), key, runId);
    const late = await commitStep(db(), key, { ...replyTo(runId, position), cost: cost(1_000) });
    expect(late.outcome).toBe('stale');
    expect((await readRun(db(), key, runId))?.modelCalls[0]).toMatchObject({
      outcome: 'lost',
      usage: USAGE,
      costUsd: 0.000001,
      estimate: null,
    });
    expect(await readSession(db(), key)).toMatchObject({ knownCostUsd: 0.000001, unpricedCalls: 0, estimatedCalls: 0 });
    const { month } = await readPeriods(db(), key.user, today());
    expect(month).toMatchObject({ usedNanos: 1_000, usedTokens: 15, estimatedNanos: 0, reservedNanos: 0 });
  });

  test('a stopped call is recorded, also when somebody else has ended its run before', async () => {
    for (const late of [false, true]) {
      const { key, runId, position } = await begun(db());
      const { step, attempt, throughSeq } = position;
      const partial = {
        step,
        attempt,
        throughSeq,
        text: 'so f',
        reasoning: '',
        model: 'one',
        firstTokenMs: 5,
        durationMs: 50,
      };
      const end = { status: 'cancelled', reason: 'cancelled' } as const;
      if (late) await commitRunEnd(db(), key, { runId, end, partial: null, failSession: false });
      await commitRunEnd(db(), key, { runId, end, partial, failSession: false });
      const run = await readRun(db(), key, runId);
      expect(run?.modelCalls).toMatchObject([{ outcome: 'stopped', durationMs: 50, firstTokenMs: 5, costUsd: null }]);
      expect(run).toMatchObject({ costUsd: null, unpricedCalls: 1 });
    }
  });
});
