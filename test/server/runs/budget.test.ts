import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import type { BudgetReport } from '../../../contracts/budget.ts';
import type { Deployment } from '../../../contracts/deployment.ts';
import { PerdureError } from '../../../contracts/errors.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { endsRun } from '../../../contracts/events/event-traits.ts';
import type { RunDetail } from '../../../contracts/session/run.ts';
import { dayOf } from '../../../core/money/utc-period.ts';
import { readPeriods } from '../../../store/budgets/read-periods.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { saveUserLimits } from '../../../store/budgets/user-budgets.ts';
import { createPostgresDatabase, openTestDatabase } from '../../support/store/databases.ts';
import { call, callJson, eventsOf, pathOf, readStream } from '../../support/gateway/http-calls.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { startStack } from '../../support/stack.ts';
import { privateTemporal, testTemporal } from '../../support/temporal/temporal-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** A token of an answer costs a cent, so that an answer of at most 100 costs at most a dollar. */
const DOLLAR_CALLS = (model: string, budgets: Deployment['budgets'] = {}): Deployment => ({
  prices: [{ model, inputUsd: 0, outputUsd: 10_000 }],
  budgets: { maxOutputTokens: 100, ...budgets },
});
const used = (outputTokens: number) => ({ inputTokens: 10, outputTokens, cachedTokens: 0, reasoningTokens: 0 });
const today = () => dayOf(new Date().toISOString());

/** What it was refused with. */
async function refusal(sending: Promise<unknown>): Promise<PerdureError> {
  const error = await sending.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof PerdureError) return error;
  throw new Error('It was not refused.', { cause: error });
}

test('fifty sessions of one user at once, on PostgreSQL, make the ten calls that their budget holds', async () => {
  const database = await openTestDatabase('postgres', 20);
  onTestFinished(() => database.close());
  const { db } = database;
  const full = Promise.withResolvers<void>();
  let calls = 0;
  await using stack = await startStack({
    temporal: await testTemporal(),
    db,
    deployment: DOLLAR_CALLS('function/*', { monthlyUsd: 10 }),
    // No call ends before every other session has heard that there is no more.
    model: async () => {
      calls += 1;
      await full.promise;
      return { text: 'done', usage: used(100) };
    },
  });
  const { user } = stack.key();
  const keys = Array.from({ length: 50 }, (_, n) => ({ user, session: `s${n}` }));
  let refused = 0;
  const over = () => {
    refused += 1;
    if (refused === 40) full.resolve();
  };
  const ends = await Promise.all(
    keys.map(async (key) => {
      const failed = stack.sender.submit(key, { id: 'm', content: 'hi' }).then(
        () => null,
        (error: unknown) => error as PerdureError,
      );
      const error = await failed;
      if (error) {
        over();
        return error.code;
      }
      const events = await stack.until(key, (found) => found.some(({ type }) => endsRun(type)));
      const end = events.find(({ type }) => endsRun(type));
      if (end?.type === 'run.failed') over();
      return end?.type === 'run.failed' ? end.error.code : end?.type;
    }),
  );
  expect(calls).toBe(10);
  expect(ends.filter((end) => end === 'run.completed')).toHaveLength(10);
  expect(ends.filter((end) => end === 'budget_exceeded')).toHaveLength(40);
  expect((await readPeriods(db, user, today())).month).toMatchObject({ usedNanos: 10e9, reservedNanos: 0 });

  const error = await refusal(stack.sender.submit({ user, session: 'late' }, { id: 'm', content: 'hi' }));
  expect(error).toMatchObject({
    code: 'budget_exceeded',
    budget: { scope: 'month', unit: 'usd', used: 10, reserved: 0, limit: 10, resetsAt: expect.any(String) },
  });
  expect(error.retryAfterMs).toBeCloseTo(Date.parse(error.budget?.resetsAt ?? '') - Date.now(), -4);
  expect(error.message).toContain('$10.00 of $10.00 used');
  // Another user's budget is their own.
  await stack.sender.submit({ user: `${user}-other`, session: 'late' }, { id: 'm', content: 'hi' });
}, 120_000);

test('a run that meets its budget in the middle keeps its steps, says the facts, and goes on when there is more', async () => {
  const note = defineTool({
    name: 'note',
    description: 'Notes.',
    parameters: z.object({}),
    idempotent: true,
    execute: () => 'noted',
  });
  let calls = 0;
  await using stack = await startStack({
    temporal: await testTemporal(),
    tools: [note],
    agents: [{ name: 'assistant', tools: ['note'] }],
    deployment: DOLLAR_CALLS('function/*', { monthlyUsd: 1.5, dailyWarnUsd: 0.75 }),
    model: (request) => {
      calls += 1;
      expect(request.maxOutputTokens).toBe(100);
      const toolCalls = [{ callId: 'c', tool: 'note', arguments: {}, malformed: null }];
      return request.messages.at(-1)?.role === 'user'
        ? { toolCalls, usage: used(80) }
        : { text: 'done', usage: used(80) };
    },
  });
  const key = stack.key();
  const { runId } = await stack.sender.submit(key, { id: 'm', content: 'hi' });
  const events = await stack.ended(key);
  expect(calls).toBe(1);
  expect(events.find(({ type }) => type === 'budget.warned')).toMatchObject({
    scope: 'day',
    kind: 'threshold',
    used: 0.8,
  });
  const facts = { scope: 'month', unit: 'usd', used: 0.8, reserved: 0, limit: 1.5 };
  expect(events.at(-1)).toMatchObject({
    type: 'run.failed',
    steps: 1,
    costUsd: 0.8,
    error: { code: 'budget_exceeded', budget: facts },
  });
  expect(await readRun(stack.db, key, runId as string)).toMatchObject({
    status: 'failed',
    costUsd: 0.8,
    error: { code: 'budget_exceeded', budget: facts, detail: expect.stringContaining('$0.80 of $1.50') },
    modelCalls: [
      { step: 1, outcome: 'completed', costUsd: 0.8, reservedUsd: 1, priceSource: 'deployment' },
      { step: 2, outcome: 'failed', errorCode: 'budget_exceeded', costUsd: 0 },
    ],
  });

  await saveUserLimits(stack.db, key.user, { monthlyUsd: 5 });
  await stack.sender.resume(key, { runId: runId as string });
  const resumed = await stack.ended(key, 2);
  expect(resumed.at(-1)).toMatchObject({ type: 'run.completed', output: 'done', steps: 2, costUsd: 1.6 });
  expect(calls).toBe(2);
  expect(await readSession(stack.db, key)).toMatchObject({ costUsd: 1.6, unpricedCalls: 0 });
});

test('a model without a price cannot be held to dollars, and the refusal says what to set', async () => {
  await using stack = await startStack({
    temporal: await testTemporal(),
    deployment: { policy: { budget: { sessionUsd: 5 } } },
    model: () => 'never',
  });
  const error = await refusal(stack.sender.submit(stack.key(), { id: 'm', content: 'hi' }));
  expect(error.code).toBe('budget_exceeded');
  expect(error.message).toContain('the model "function/test" has no price');
  expect(error.message).toContain('prices:');
});

test('without limits nothing is set aside and no answer is bounded', async () => {
  await using stack = await startStack({
    temporal: await testTemporal(),
    model: ({ maxOutputTokens }) => `${maxOutputTokens}`,
  });
  const key = stack.key();
  const { runId } = await stack.sender.submit(key, { id: 'm', content: 'hi' });
  await stack.ended(key);
  expect(await readRun(stack.db, key, runId as string)).toMatchObject({
    output: 'null',
    costUsd: null,
    unpricedCalls: 1,
    modelCalls: [{ outcome: 'completed', reservedUsd: null, reservedTokens: null, usage: { inputTokens: 10 } }],
  });
});

test.each(['embedded', 'postgres'] as const)(
  'after kill -9 in the middle of calls nothing stays reserved (%s): lost calls are charged estimates, and the user is not locked out',
  async (store) => {
    const config = join(await temporaryFolder(), 'perdure.yaml');
    await writeFile(config, JSON.stringify(DOLLAR_CALLS('scripted/*', { monthlyUsd: 10 })));
    const home = perdureHome({ PERDURE_CONFIG: config, ...(store === 'postgres' ? await servedStore() : {}) });
    const killed = await home.start();
    const sessions = Array.from({ length: 50 }, (_, n) => `s${n}`);
    const caller = { url: killed.url, user: 'ann' };
    const message = { id: 'm', content: 'Go. @mark=m @chunks=80 @delay=50 @usage=5/100', agent: 'assistant' };
    const send = async (gateway: string, id: string): Promise<{ id: string; status: number; disposition?: string }> => {
      const response = await call({ url: gateway, user: 'ann' }, 'POST', pathOf(id, 'messages'), message);
      return { id, status: response.status, ...((await response.json()) as { disposition?: string }) };
    };
    const sent = sessions.map((id) => send(killed.url, id));
    // One that is accepted streams: its call, and those beside it, are in progress.
    const streaming = Promise.any(
      sent.map(async (one) => {
        const { id, disposition } = await one;
        if (disposition !== 'started') throw new Error('refused, or not admitted yet');
        if (!(await readStream(caller, id, {}, ({ event }) => event.type === 'message.delta')))
          throw new Error('silent');
      }),
    );
    await Promise.all(sent);
    await streaming;
    await killed.kill9();
    expect(home.calls().length).toBeGreaterThan(0);

    const perdure = await home.start();
    const again = { url: perdure.url, user: 'ann' };
    // Sent again under the same id: who was admitted gets the same receipt, who was not is admitted now.
    const receipts = await Promise.all(
      sessions.map(async (id) => {
        for (;;) {
          const one = await send(perdure.url, id);
          if (one.disposition !== 'accepted') return one;
        }
      }),
    );
    const accepted = receipts.filter(({ status }) => status === 202).map(({ id }) => id);
    expect(receipts.filter(({ status }) => status === 429)).toHaveLength(50 - accepted.length);
    await Promise.all(accepted.map((id) => readStream(again, id, {}, ({ event }) => endsRun(event.type))));
    const runs = await Promise.all(
      accepted.map(async (id) => {
        const events: PerdureEvent[] = await eventsOf(again, id);
        const started = events.find((event) => event.type === 'message.received') as { runId: string };
        return await callJson<RunDetail>(again, 'GET', pathOf(id, 'runs', started.runId));
      }),
    );
    const attempts = runs.flatMap(({ modelCalls }) => modelCalls);
    const lost = attempts.filter(({ outcome }) => outcome === 'lost');
    const completed = attempts.filter(({ outcome }) => outcome === 'completed');
    // Every attempt that the kill met has a record. One that had reserved had perhaps sent its request: it is charged an
    // estimate of its input, whose tokens are free here. The others had made no call yet.
    const charged = lost.filter(({ reservedUsd }) => reservedUsd !== null);
    expect(charged.length).toBeGreaterThan(0);
    for (const one of lost)
      expect(one).toMatchObject({ costUsd: null, usage: { inputTokens: null, outputTokens: null } });
    for (const one of charged)
      expect(one).toMatchObject({
        reservedUsd: 1,
        estimate: { inputTokens: expect.any(Number), outputTokens: 0, costUsd: 0 },
      });
    expect(home.calls().length).toBeLessThanOrEqual(completed.length + charged.length);
    const { month } = await callJson<BudgetReport>(again, 'GET', '/v1/budget');
    expect(month).toMatchObject({ usedUsd: completed.length, reservedUsd: 0, reservedTokens: 0 });
    expect(month.estimatedTokens).toBe(charged.reduce((sum, { estimate }) => sum + (estimate?.inputTokens ?? 0), 0));
    expect(month.usedUsd).toBeLessThanOrEqual(10);
    expect(runs.filter(({ costUsd }) => costUsd === null).length).toBe(lost.length);
    await perdure.stop();
  },
  240_000,
);

/** A PostgreSQL database and a Temporal server of this test's own. */
async function servedStore(): Promise<Record<string, string>> {
  const { url, drop } = await createPostgresDatabase();
  onTestFinished(drop);
  const temporal = await privateTemporal();
  onTestFinished(() => temporal.stop());
  return { DATABASE_URL: url, TEMPORAL_ADDRESS: temporal.address };
}

test('a cancelled call is charged the estimate of its input and its text, at once, and nothing stays reserved', async () => {
  const streaming = Promise.withResolvers<void>();
  let calls = 0;
  await using stack = await startStack({
    temporal: await testTemporal(),
    // A message may use more than half of the month.
    deployment: {
      prices: [{ model: 'function/*', inputUsd: 1_000, outputUsd: 10_000 }],
      budgets: { monthlyUsd: 2.5, maxOutputTokens: 100 },
    },
    model: async (_request, { onDelta, signal }) => {
      calls += 1;
      if (calls > 2) return { text: 'done', usage: used(1) };
      onDelta({ kind: 'text', text: 'Once upon a time' });
      streaming.resolve();
      await new Promise((_resolve, reject) => {
        if (signal.aborted) reject(signal.reason as Error);
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
      throw new Error('Not reached.');
    },
  });
  const { user } = stack.key();
  const keys = ['one', 'two', 'three'].map((session) => ({ user, session }));
  for (const key of keys.slice(0, 2)) {
    const { runId } = await stack.sender.submit(key, { id: 'm', content: 'hi' });
    await expect.poll(() => calls).toBe(keys.indexOf(key) + 1);
    await streaming.promise;
    await stack.sender.cancel(key, { runId: runId as string });
    const events = await stack.ended(key);
    expect(events.at(-1)).toMatchObject({ type: 'run.cancelled', costUsd: null });
    const run = await readRun(stack.db, key, runId as string);
    const [one] = run?.modelCalls ?? [];
    // 16 bytes of text: 6 tokens at a cent.
    expect(one).toMatchObject({ outcome: 'stopped', costUsd: null, estimate: { outputTokens: 6 } });
    expect(one?.estimate?.costUsd).toBeCloseTo(0.06 + (one?.estimate?.inputTokens ?? 0) / 1_000, 9);
    expect(run).toMatchObject({ costUsd: null, estimatedCalls: 1, estimatedCostUsd: one?.estimate?.costUsd });
    expect((await readPeriods(stack.db, user, today())).month).toMatchObject({ reservedNanos: 0, reservedTokens: 0 });
  }
  const { month } = await readPeriods(stack.db, user, today());
  expect(month).toMatchObject({ usedNanos: month.estimatedNanos, unpricedCalls: 2 });
  expect(month.usedNanos).toBeGreaterThan(0);
  // The user is not locked out.
  const [, , third] = keys as [SessionKey, SessionKey, SessionKey];
  await stack.sender.submit(third, { id: 'm', content: 'hi' });
  expect((await stack.ended(third)).at(-1)).toMatchObject({ type: 'run.completed' });
}, 60_000);
