import { PerdureError } from '../../contracts/errors.ts';

/** Serialization failure and deadlock: the same transaction may succeed when it is run again. */
const RETRYABLE = new Set(['40001', '40P01']);
const MAX_TRANSACTION_ATTEMPTS = 5;

/** Returns the SQLSTATE or system error code of a driver error. */
function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Runs a transaction, up to 5 times in all while it fails with a serialization failure or a deadlock. */
export async function retryConflicts<T>(transaction: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction();
    } catch (error) {
      if (attempt === MAX_TRANSACTION_ATTEMPTS || !RETRYABLE.has(codeOf(error) ?? '')) throw error;
    }
  }
}

/** Whether the server is unreachable, shutting down, or out of connections. */
function isUnavailable(error: Error, code: string | undefined): boolean {
  if (code === undefined) return /connection|timeout|closed|ended/i.test(error.message);
  return /^(08|57P|53|28|3D)/.test(code) || /^E[A-Z]{2,}/.test(code);
}

/**
 * Maps a driver error to `store_unavailable` when the database is unreachable, otherwise to `internal`. Drops the
 * driver error instead of setting it as the cause: its details quote values of rows.
 */
export function storeFailure(error: unknown, where: string): unknown {
  if (!(error instanceof Error) || error instanceof PerdureError) return error;
  const code = codeOf(error);
  if (isUnavailable(error, code)) {
    return new PerdureError(
      'store_unavailable',
      `The store ${where} is not reachable (${code ?? 'connection lost'}). Check that it is running and that its settings are correct.`,
      { retryAfterMs: 1_000 },
    );
  }
  if (code === undefined) return error;
  return new PerdureError('internal', `The store ${where} rejected a statement: SQLSTATE ${code}.`);
}
