import { expect, onTestFinished, test } from 'vitest';
import { resolveBudgets } from '../../core/money/budget.ts';
import { dayOf } from '../../core/money/utc-period.ts';
import { readPeriods } from '../../store/budgets/read-periods.ts';
import { migrate } from '../../store/migrate.ts';
import { readRun } from '../../store/read/read-run.ts';
import { readSession } from '../../store/read/read-session.ts';
import { commitRunEnd } from '../../store/runs/commit-run-end.ts';
import { reserveCall } from '../../store/runs/reserve-call.ts';
import { DATABASES, openTestDatabase } from '../support/store/databases.ts';
import { beginModel, converse, newKey, send } from './conversation.ts';

const ESTIMATES = ['estimated_input_tokens', 'estimated_output_tokens', 'estimated_nanos'];
const KNOWN = ['input', 'output', 'cached', 'reasoning'].map((kind) => `known_${kind}_tokens`);
const SUMS = ['unmetered_calls', ...KNOWN, 'estimated_calls', ...ESTIMATES];
const ADDED = {
  model_calls: ['made', ...ESTIMATES],
  usage_days: ['estimated_calls', ...ESTIMATES],
  sessions: SUMS,
  runs: [...SUMS, 'failures'],
};

test.each(DATABASES)(
  'what older versions have left reserved is charged by a quarter when the store is migrated (%s)',
  async (kind) => {
    const database = await openTestDatabase(kind);
    onTestFinished(() => database.close());
    const { db } = database;
    const key = newKey('held');
    await converse(db, key, 'known');
    const { runId } = await send(db, key, { id: 'm', content: 'hi' });
    const budgets = resolveBudgets({ monthlyUsd: 10 });
    const worst = { nanos: 1e9, tokens: 100 };
    for (const _ of [1, 2]) {
      const { step, attempt } = await beginModel(db, key, runId);
      await reserveCall(db, key, { runId, step, attempt, worst, budgets, budget: {} });
    }
    const end = { status: 'cancelled', reason: 'cancelled' } as const;
    await commitRunEnd(db, key, { runId, end, partial: null, failSession: false });

    // As an older version left it: the first attempt is lost, the second was never reported, and both are still held.
    for (const [table, columns] of Object.entries(ADDED)) {
      await db.query(`ALTER TABLE perdure.${table} ${columns.map((name) => `DROP COLUMN ${name}`).join(', ')}`, []);
    }
    await db.query(
      `UPDATE perdure.model_calls SET held_nanos = 1e9, held_tokens = 100,
            outcome = CASE attempt WHEN 2 THEN 'running' ELSE outcome END WHERE run_id = $1`,
      [runId],
    );
    await db.query(
      `UPDATE perdure.usage_days SET calls = 2, failed_calls = 1, unmetered_calls = 1, unpriced_calls = 2 WHERE user_id = $1`,
      [key.user],
    );
    await db.query(`UPDATE perdure.runs SET unpriced_calls = 1 WHERE run_id = $1`, [runId]);
    await db.query(`UPDATE perdure.sessions SET unpriced_calls = 2 WHERE user_id = $1`, [key.user]);
    await db.query(`DELETE FROM perdure.migrations WHERE name LIKE '0013%'`, []);
    await migrate(db);

    const { month } = await readPeriods(db, key.user, dayOf(new Date().toISOString()));
    expect(month).toMatchObject({ usedNanos: 5e8, usedTokens: 65, estimatedNanos: 5e8, estimatedTokens: 50 });
    expect(month).toMatchObject({ reservedNanos: 0, reservedTokens: 0, unpricedCalls: 3 });
    const sums = { estimatedCalls: 2, estimatedCostUsd: 0.5, estimatedInputTokens: 50, unmeteredCalls: 2 };
    const run = await readRun(db, key, runId);
    expect(run).toMatchObject({ ...sums, unpricedCalls: 2, knownUsage: { inputTokens: 0 } });
    expect(run?.modelCalls).toMatchObject(
      [1, 2].map((attempt) => ({ attempt, outcome: 'lost', estimate: { inputTokens: 25, costUsd: 0.25 } })),
    );
    expect(await readSession(db, key)).toMatchObject({ ...sums, unpricedCalls: 3, knownUsage: { inputTokens: 10 } });
  },
  60_000,
);
