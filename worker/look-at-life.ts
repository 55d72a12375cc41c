import type { Client } from '@temporalio/client';
import { SIGNAL } from '../contracts/names.ts';
import { workflowIdOf, type SessionKey } from '../contracts/session/session-key.ts';

/** How long Temporal may take. */
const TIMEOUT_MS = 2_000;

/**
 * Lets the workflow of a session that is no longer active complete: it asks the store how the session is, so one that has
 * come to life again meanwhile goes on. Where none runs there is nothing to do; where Temporal does not answer, the
 * workflow's own timer will do it.
 */
export function createLookAtLife(client: Client): (key: SessionKey) => Promise<void> {
  return async (key) => {
    const handle = client.workflow.getHandle(workflowIdOf(key));
    await client.withDeadline(Date.now() + TIMEOUT_MS, () => handle.signal(SIGNAL.lookAtLife)).catch(() => {});
  };
}
