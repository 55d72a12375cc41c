import { PerdureError } from '../../contracts/errors.ts';
import { describeConnectFailure } from '../../core/postgres/describe-connect-failure.ts';

/** Serialization failure and deadlock: the same transaction may succeed when it is run again. */
const RETRYABLE = new Set(['40001', '40P01']);
const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';
/** Raised by the trigger `erasure_in_progress`. */
const ERASURE = 'PE001';
const MAX_TRANSACTION_ATTEMPTS = 5;

/** Errors of the driver. All others come from the code that runs inside a transaction, whatever their code or message. */
const driverErrors = new WeakSet<object>();

/** Errors of servers that may accept the same connection a few seconds later. */
const passing = new WeakSet<object>();

/** Whether a `store_unavailable` may pass by itself within seconds: the server is starting, restarting, or out of connections. */
export function mayPass(error: unknown): boolean {
  return error instanceof Error && passing.has(error);
}

/** Executes a call of the driver. Every error of the store must come from such a call. */
export async function driverCall<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Error) driverErrors.add(error);
    throw error;
  }
}

/** Returns the SQLSTATE or system error code of a driver error. */
function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && driverErrors.has(error) && 'code' in error ? error.code : undefined;
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

/** Runs a statement that is its own transaction. Returns null if it conflicted with another one, with rows that exist, or with the removal of rows that it refers to. */
export async function nullOnConflict<T>(statement: () => Promise<T>): Promise<T | null> {
  try {
    return await statement();
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (RETRYABLE.has(code) || code === UNIQUE_VIOLATION || code === FOREIGN_KEY_VIOLATION) return null;
    throw error;
  }
}

/** Whether the server is unreachable, shutting down, out of connections, or read-only. */
function isUnavailable(error: Error, code: string | undefined): boolean {
  if (code === undefined) return /connection|timeout|closed|ended/i.test(error.message);
  // SQLSTATEs have five characters; codes of Node and OpenSSL contain an underscore or begin with an E.
  return /^(08|57P|53|28|3D|25006)/.test(code) || /^E[A-Z]{2,}/.test(code) || code.includes('_');
}

/** What kept a reachable server from completing a statement that may succeed later; null for another reason. */
function delayOf(code: string | undefined): string | null {
  if (code === '57014') return 'did not complete a statement within its time limit';
  if (code === '25P03') return 'ended a transaction that was idle for too long';
  return RETRYABLE.has(code ?? '')
    ? `could not complete a transaction beside others, ${MAX_TRANSACTION_ATTEMPTS} times`
    : null;
}

/**
 * Maps a driver error to `store_unavailable` when the database is unreachable or overloaded, otherwise to `internal`. Drops the
 * driver error instead of setting it as the cause: its details quote values of rows. Returns any other error unchanged.
 */
export function storeFailure(error: unknown, where: string): unknown {
  if (!(error instanceof Error) || !driverErrors.has(error)) return error;
  const code = codeOf(error);
  if (isUnavailable(error, code)) {
    const { found, remedy, mayPass: passes = false } = describeConnectFailure(error);
    const message = `The store ${where} ${found}. ${remedy}`;
    const failure = new PerdureError('store_unavailable', message, { retryAfterMs: 1_000 });
    if (passes) passing.add(failure);
    return failure;
  }
  if (code === ERASURE) return erasureInProgress();
  const delay = delayOf(code);
  if (delay !== null) {
    return new PerdureError('store_unavailable', `The store ${where} ${delay} (${code}). Send the request again.`, {
      retryAfterMs: 1_000,
    });
  }
  if (code === undefined) return error;
  return new PerdureError('internal', `The store ${where} rejected a statement: SQLSTATE ${code}.`);
}

/** The error of what would add something of a user whose data is being erased. */
export function erasureInProgress(): PerdureError {
  return new PerdureError(
    'erasure_in_progress',
    'The data of this user is being erased, so nothing is accepted meanwhile. Send the request again once the erasure has ended.',
    { retryAfterMs: 10_000 },
  );
}
