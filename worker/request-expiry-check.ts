import type { Client } from '@temporalio/client';
import { SIGNAL } from '../contracts/names.ts';
import { workflowIdOf, type SessionKey } from '../contracts/session/session-key.ts';

/** Time limit of the signal. */
const SIGNAL_TIMEOUT_MS = 2_000;

/**
 * Returns a function that signals the workflow of a session that is no longer active, so that it completes. The workflow
 * reads the session's status from the store, so that of a reopened session continues. Failures are ignored: without a
 * workflow there is nothing to do, and without Temporal the workflow's own timer does the same.
 */
export function expiryCheckRequester(client: Client): (key: SessionKey) => Promise<void> {
  return async (key) => {
    const handle = client.workflow.getHandle(workflowIdOf(key));
    const deadline = Date.now() + SIGNAL_TIMEOUT_MS;
    await client.withDeadline(deadline, () => handle.signal(SIGNAL.checkExpiry)).catch(() => {});
  };
}
