import { WorkflowUpdateRPCTimeoutOrCancelledError, type Client } from '@temporalio/client';
import { PerdureError } from '../../contracts/errors.ts';
import { readFailure, TEMPORAL_AWAY, type CallFailure } from './temporal-failures.ts';

/** How long the server itself may take for what needs no worker. */
const SERVER_TIMEOUT_MS = 2_500;
/** For the client to tell of the deadline by itself. */
const GRACE_MS = 50;

/**
 * A call that Temporal's server answers by itself, without a worker. False when no workflow runs under the id that it is
 * about. `timeoutMs`: default 2,500. Throws what the server refuses, and `temporal_unavailable` when it does not answer.
 */
export async function callServer(
  client: Client,
  call: () => Promise<unknown>,
  timeoutMs = SERVER_TIMEOUT_MS,
): Promise<boolean> {
  try {
    await before(client, Date.now() + timeoutMs, call);
    return true;
  } catch (error) {
    const failure = readFailure(error);
    if (failure.kind === 'no_workflow') return false;
    throw asServerError(failure, error);
  }
}

/** Rejects as a call that timed out, at the deadline: the client's own retries may sleep past it. */
export async function before<T>(client: Client, deadlineMs: number, call: () => Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timeout = new WorkflowUpdateRPCTimeoutOrCancelledError('Temporal did not answer in time.');
  const timer = setTimeout(() => reject(timeout), Math.max(0, deadlineMs - Date.now()) + GRACE_MS);
  try {
    return await Promise.race([client.connection.withDeadline(new Date(deadlineMs), call), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Where no worker is needed, silence is the server's. */
function asServerError(failure: CallFailure, cause: unknown): PerdureError {
  return failure.kind === 'error' ? failure.error : new PerdureError('temporal_unavailable', TEMPORAL_AWAY, { cause });
}
