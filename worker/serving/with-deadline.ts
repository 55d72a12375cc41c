import type { Client } from '@temporalio/client';

/** Time limit of a call of Temporal. */
const CALL_MS = 5_000;

/** Calls Temporal, for five seconds at most. */
export function withDeadline<T>(client: Client, call: () => Promise<T>): Promise<T> {
  return client.withDeadline(Date.now() + CALL_MS, call);
}
