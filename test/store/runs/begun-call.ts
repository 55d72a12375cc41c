import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { resolveBudgets } from '../../../core/money/budget.ts';
import type { Db } from '../../../store/db/db.ts';
import { type Reservation } from '../../../store/runs/reserve-call.ts';
import { dayOf } from '../../../core/money/utc-period.ts';
import { beginModel, newKey, send } from '../conversation.ts';

export const cost = (nanos: number | null) => ({ nanos, priceSource: 'test', priceDate: '2026-01-01' });
export const ESTIMATE = { inputTokens: 40, outputTokens: 0, nanos: 4e8, priceSource: 'test', priceDate: '2026-01-01' };
export const freshUser = () => `user-${newKey().session}`;
export const today = () => dayOf(new Date().toISOString());

export async function begun(db: Db, key: SessionKey = newKey(freshUser())) {
  const { runId } = await send(db, key, { id: newKey().session, content: 'hi' });
  return { key, runId, position: await beginModel(db, key, runId) };
}

export function reservation(
  runId: string,
  { step, attempt }: { step: number; attempt: number },
  more: Partial<Reservation> = {},
): Reservation {
  const worst = { nanos: 1e9, tokens: 100 };
  return {
    runId,
    step,
    attempt,
    worst,
    estimate: ESTIMATE,
    budgets: resolveBudgets({ monthlyUsd: 10 }),
    budget: {},
    ...more,
  };
}
