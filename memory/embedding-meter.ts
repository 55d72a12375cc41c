import { exceeded, hasPeriodLimit, limitsOf, accountsIn, type ResolvedBudgets } from '../core/money/budget.ts';
import { costNanos, type Price } from '../core/money/price.ts';
import { nextDay, nextMonth } from '../core/money/utc-period.ts';
import { readPeriods } from '../store/budgets/read-periods.ts';
import { readUserLimits } from '../store/budgets/user-budgets.ts';
import type { Db } from '../store/db/db.ts';
import { recordEmbeddingCall } from '../store/memory/embedding-calls.ts';

/** What embeddings are charged by. */
export interface EmbeddingCharges {
  /** `provider/model`. */
  readonly model: string;
  readonly budgets: ResolvedBudgets;
  /** The price of the model at a time (ISO 8601); null when unknown. */
  readonly priceOf: (model: string, at: string) => Price | null;
}

/** The run that causes a call. A run without a session has its own id as that of the session. */
export interface EmbeddingCause {
  readonly session: string;
  readonly run: string;
}

/** A text of a call, and who is charged for it. */
export interface ChargedText {
  readonly user: string;
  readonly text: string;
}

/** Charges calls of an embedding endpoint to the budgets of users, and keeps those from it whose budgets are spent. */
export class EmbeddingMeter {
  readonly #db: Db;
  readonly #charges: EmbeddingCharges;

  constructor(db: Db, charges: EmbeddingCharges) {
    this.#db = db;
    this.#charges = charges;
  }

  /** Whether the user's limits of the day and the month leave anything for vectors of the texts. */
  async allows(user: string, texts: readonly string[]): Promise<boolean> {
    const { budgets } = this.#charges;
    const limits = limitsOf(budgets, await readUserLimits(this.#db, user));
    if (!hasPeriodLimit(limits)) return true;
    const at = new Date().toISOString();
    const day = at.slice(0, 10);
    const spent = await readPeriods(this.#db, user, day);
    const { monthlyUsd, monthlyTokens, dailyUsd, dailyTokens } = limits;
    const accounts = [
      ...accountsIn('month', spent.month, { usd: monthlyUsd, tokens: monthlyTokens }, nextMonth(day)),
      ...accountsIn('day', spent.day, { usd: dailyUsd, tokens: dailyTokens }, nextDay(day)),
    ];
    const tokens = estimateTokens(texts);
    const nanos = this.#cost(tokens, at).nanos ?? (budgets.unpriced === 'allow' ? 0 : null);
    return exceeded(accounts, { nanos, tokens }) === null;
  }

  /** Records a call and charges it, to several users by their shares of its texts. */
  async record(texts: readonly ChargedText[], tokens: number | null, cause: EmbeddingCause | null): Promise<void> {
    const at = new Date().toISOString();
    const all = estimateTokens(texts.map(({ text }) => text));
    let left = tokens ?? 0;
    const byUser = [...Map.groupBy(texts, ({ user }) => user)];
    for (const [index, [user, own]] of byUser.entries()) {
      const estimate = estimateTokens(own.map(({ text }) => text));
      const share = index === byUser.length - 1 ? left : Math.min(left, Math.round(((tokens ?? 0) * estimate) / all));
      left -= share;
      const inputTokens = tokens === null ? null : share;
      const { nanos, price } = this.#cost(inputTokens, at);
      const estimated = this.#cost(estimate, at).nanos;
      await recordEmbeddingCall(this.#db, {
        user,
        session: cause?.session ?? null,
        run: cause?.run ?? null,
        at,
        model: this.#charges.model,
        texts: own.length,
        inputTokens,
        costNanos: nanos,
        priceSource: price?.source ?? null,
        priceDate: price?.date ?? null,
        estimatedInputTokens: inputTokens === null ? estimate : null,
        estimatedNanos: inputTokens === null && nanos === null ? estimated : null,
      });
    }
  }

  #cost(inputTokens: number | null, at: string): { readonly nanos: number | null; readonly price: Price | null } {
    const price = this.#charges.priceOf(this.#charges.model, at);
    const usage = { inputTokens, outputTokens: 0, cachedTokens: null, reasoningTokens: null };
    return { nanos: costNanos(price, usage), price };
  }
}

/** A token for every three bytes, as of model calls. */
function estimateTokens(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Math.ceil(Buffer.byteLength(text) / 3), 0);
}
