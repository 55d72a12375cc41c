import { PerdureError } from '../../contracts/errors.ts';

/** SQLSTATEs after which the same transaction may succeed. */
const TRY_AGAIN = new Set(['40001', '40P01']);
const TRANSACTION_TRIES = 5;

/** The SQLSTATE or system code of a driver's error. */
function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Runs `attempt` again after a serialization failure or a deadlock. */
export async function retryingConflicts<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === TRANSACTION_TRIES || !TRY_AGAIN.has(codeOf(error) ?? '')) throw error;
    }
  }
}

/** Whether the server could not be reached, is shutting down, or takes no more connections. */
function isAway(error: Error, code: string | undefined): boolean {
  if (code === undefined) return /connection|timeout|closed|ended/i.test(error.message);
  return /^(08|57P|53|28|3D)/.test(code) || /^E[A-Z]{2,}/.test(code);
}

/**
 * What a caller of the store meets instead of a driver's error: `store_unavailable` when the server does not answer,
 * `internal` otherwise. A driver's error is not kept as the cause: its details quote values of rows.
 */
export function storeFailure(error: unknown, where: string): unknown {
  if (!(error instanceof Error) || error instanceof PerdureError) return error;
  const code = codeOf(error);
  if (isAway(error, code)) {
    return new PerdureError(
      'store_unavailable',
      `The store ${where} does not answer (${code ?? 'connection lost'}). Check that it runs and that its settings are right.`,
      { retryAfterMs: 1_000 },
    );
  }
  if (code === undefined) return error;
  return new PerdureError('internal', `The store ${where} refused a statement: SQLSTATE ${code}.`);
}
