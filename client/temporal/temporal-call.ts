import { WorkflowUpdateRPCTimeoutOrCancelledError, type Client } from '@temporalio/client';
import { PerdureError } from '../../contracts/errors.ts';
import { classifyFailure, TEMPORAL_UNREACHABLE, type CallFailure } from './temporal-failures.ts';

/** Limit for calls that the server handles without a worker. */
const SERVER_TIMEOUT_MS = 2_500;
/** Lets the client report an exceeded deadline by itself first. */
const GRACE_MS = 50;

/**
 * A call that Temporal's server handles without a worker. Resolves with false when no workflow runs under the id of the
 * call. `timeoutMs`: default 2,500. Throws the server's refusal, and `temporal_unavailable` when it does not respond.
 */
export async function callServer(
  client: Client,
  call: () => Promise<unknown>,
  timeoutMs = SERVER_TIMEOUT_MS,
): Promise<boolean> {
  try {
    await withDeadline(client, Date.now() + timeoutMs, call);
    return true;
  } catch (error) {
    const failure = classifyFailure(error);
    if (failure.kind === 'no_workflow') return false;
    throw asServerError(failure, error);
  }
}

/** Rejects at the deadline with the client's timeout error: the client's own retries may sleep past it. */
export async function withDeadline<T>(client: Client, deadlineMs: number, call: () => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const timeout = new WorkflowUpdateRPCTimeoutOrCancelledError('Temporal did not respond in time.');
    timer = setTimeout(() => reject(timeout), Math.max(0, deadlineMs - Date.now()) + GRACE_MS);
  });
  try {
    return await Promise.race([client.connection.withDeadline(new Date(deadlineMs), call), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Where no worker is involved, a missing response is the server's fault. */
function asServerError(failure: CallFailure, cause: unknown): PerdureError {
  return failure.kind === 'error'
    ? failure.error
    : new PerdureError('temporal_unavailable', TEMPORAL_UNREACHABLE, { cause });
}
