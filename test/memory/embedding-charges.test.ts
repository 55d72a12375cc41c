import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { BudgetSettings } from '../../contracts/budget.ts';
import { resolveBudgets } from '../../core/money/budget.ts';
import { toolMemories } from '../../activities/tools/tool-memories.ts';
import { createMemories } from '../../memory/create-memories.ts';
import { createPriceTable } from '../../models/price-table.ts';
import { deleteOldEmbeddingCalls } from '../../store/admin/memory/delete-old-embedding-calls.ts';
import { readBudget } from '../../store/budgets/read-budget.ts';
import { saveUserLimits } from '../../store/budgets/user-budgets.ts';
import { readRun } from '../../store/read/read-run.ts';
import { readUsage } from '../../store/read/statistics/read-usage.ts';
import { deleteSession } from '../../store/sessions/delete-session.ts';
import { DATABASES, describeStores } from '../support/store/databases.ts';
import { newKey, send } from '../store/conversation.ts';
import { FakeEmbedder } from './fake-embedder.ts';

const newUser = () => `ada-${randomUUID()}`;
/** Vectors are cached by the content, over all users. */
const hound = () => `Has a hound called Rex ${randomUUID()}`;
const today = () => new Date().toISOString().slice(0, 10);

describeStores(DATABASES, (db) => {
  const open = (
    settings: BudgetSettings = {},
    model = 'openai/text-embedding-3-small',
    tokens: number | null = 1_000,
  ) => {
    const embedder = new FakeEmbedder();
    embedder.tokens = tokens;
    const charges = { model, priceOf: createPriceTable().priceOf, budgets: resolveBudgets(settings) };
    return { embedder, memories: createMemories({ db: db(), embedder, charges }) };
  };
  const usageOf = async (user: string, by: 'model' | 'agent' | 'session' = 'model') =>
    await readUsage(db(), user, { by, from: today(), to: today() });
  const budgetOf = (user: string) => readBudget(db(), user, resolveBudgets(), today());

  test('the tokens that the endpoint reports are charged to the user, at the price of the model', async () => {
    const { memories } = open();
    const user = newUser();
    await memories.remember(user, { content: hound() });
    await memories.search(user, 'Which pet?');
    expect(await usageOf(user)).toMatchObject({
      data: [{ key: 'openai/text-embedding-3-small', calls: 2, inputTokens: 2_000, outputTokens: 0, costUsd: 0.00004 }],
    });
    expect((await budgetOf(user)).day).toMatchObject({ usedTokens: 2_000, usedUsd: 0.00004, unpricedCalls: 0 });
  });

  test('what is cached is not charged again: a query, and a content that another user has', async () => {
    const { memories } = open();
    const [first, second] = [newUser(), newUser()];
    const content = `Lives in Berlin ${randomUUID()}`;
    await memories.remember(first, { content });
    await memories.remember(second, { content });
    await memories.search(second, content);
    await memories.search(second, content);
    expect((await usageOf(first)).total.calls).toBe(1);
    expect((await usageOf(second)).total.calls).toBe(1);
  });

  test('tokens that are not reported are estimated for budgets, and unknown in usage', async () => {
    const { memories } = open({}, 'openai/text-embedding-3-small', null);
    const user = newUser();
    await memories.remember(user, { content: randomUUID().padEnd(3_000, 'x') });
    expect((await usageOf(user)).total).toMatchObject({
      unmeteredCalls: 1,
      costUsd: null,
      estimatedInputTokens: 1_000,
    });
    expect((await budgetOf(user)).day).toMatchObject({ usedTokens: 1_000, estimatedUsd: 0.00002 });
  });

  test('a call is recorded with the run that caused it, under its agent and session, and goes with the session', async () => {
    const { memories } = open();
    const key = newKey(newUser());
    const { runId } = await send(db(), key, { id: 'm1', content: 'Hello' });
    const tools = toolMemories({ db: db(), memories }, key, runId ?? '');
    await tools.remember(hound());
    await tools.search('Which pet?');
    const run = await readRun(db(), key, runId ?? '');
    const call = {
      at: expect.any(String) as string,
      model: 'openai/text-embedding-3-small',
      texts: 1,
      inputTokens: 1_000,
      costUsd: 0.00002,
    };
    expect(run?.embeddingCalls).toEqual([call, call]);
    expect((await usageOf(key.user, 'agent')).data).toMatchObject([{ key: run?.agent, calls: 2 }]);
    expect((await usageOf(key.user, 'session')).data).toMatchObject([
      { key: key.session, calls: 2, inputTokens: 2_000 },
    ]);
    await deleteSession(db(), key);
    expect((await usageOf(key.user, 'session')).data).toMatchObject([{ key: null, calls: 2, inputTokens: 2_000 }]);
    expect(await db().query('SELECT FROM perdure.embedding_calls WHERE user_id = $1', [key.user])).toHaveLength(0);
  });

  test('with a spent budget a search is made by full text and says so, and a memory is kept without its vector', async () => {
    const { memories, embedder } = open({ dailyTokens: 1_500 });
    const user = newUser();
    expect(await memories.remember(user, { content: hound() })).toMatchObject({ vector: 'ready' });
    await memories.search(user, 'Which pet?');
    const before = embedder.requests.length;
    expect(await memories.search(user, 'Rex')).toMatchObject({
      data: [{ by: ['text'] }],
      search: { mode: 'text', reason: 'budget_exceeded' },
    });
    expect(await memories.remember(user, { content: `Never takes sugar ${randomUUID()}` })).toMatchObject({
      vector: 'pending',
    });
    expect(embedder.requests).toHaveLength(before);
    // What is known costs nothing.
    expect((await memories.search(user, 'Which pet?')).search.mode).toBe('hybrid');
    await saveUserLimits(db(), user, { dailyTokens: null });
    expect((await memories.search(user, 'Rex')).search).toMatchObject({ mode: 'hybrid', pending: true });
  });

  test('upkeep adds the vectors of those who have budget, each charged a share of the tokens, and leaves out the others', async () => {
    const { memories, embedder } = open({ dailyTokens: 100_000 });
    const [short, long, spent] = [newUser(), newUser(), newUser()];
    await saveUserLimits(db(), spent, { dailyTokens: 0 });
    embedder.failure = new Error('away');
    for (const [user, size] of [
      [short, 300],
      [long, 900],
      [spent, 300],
    ] as const)
      await memories.remember(user, { content: `${user} ${'x'.repeat(size - 41)}` });
    const { memories: later, embedder: working } = open({ dailyTokens: 100_000 }, 'openai/text-embedding-3-small', 200);
    await later.addVectors();
    const [ofShort, ofLong, ofSpent] = [await usageOf(short), await usageOf(long), await usageOf(spent)];
    expect(ofShort.total.inputTokens / ofLong.total.inputTokens).toBeCloseTo(1 / 3, 1);
    expect(ofSpent.total.calls).toBe(0);
    expect(working.requests.flat().filter((text) => text.startsWith(spent))).toEqual([]);
  });

  test('a model without a price is not called while a limit in dollars is in force, unless the deployment allows it', async () => {
    const user = newUser();
    const refusing = open({ dailyUsd: 1 }, 'acme/embed');
    expect(await refusing.memories.remember(user, { content: hound() })).toMatchObject({ vector: 'pending' });
    const allowing = open({ dailyUsd: 1, unpriced: 'allow' }, 'acme/embed');
    expect((await allowing.memories.search(user, 'hound')).search.mode).toBe('hybrid');
    expect((await budgetOf(user)).day).toMatchObject({ usedUsd: 0, unpricedCalls: 1 });
  });

  test('records that belong to no session are deleted after a month, and the sums stay', async () => {
    const { memories } = open();
    const user = newUser();
    await memories.search(user, 'Which pet?');
    await deleteOldEmbeddingCalls(db());
    const rows = () => db().query('SELECT FROM perdure.embedding_calls WHERE user_id = $1', [user]);
    expect(await rows()).toHaveLength(1);
    await db().query(`UPDATE perdure.embedding_calls SET made_at = '2000-01-01Z' WHERE user_id = $1`, [user]);
    await deleteOldEmbeddingCalls(db());
    expect(await rows()).toHaveLength(0);
    expect((await usageOf(user)).total.calls).toBe(1);
  });
});
