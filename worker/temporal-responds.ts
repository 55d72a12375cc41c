import type { Client } from '@temporalio/client';

const CALL_MS = 2_000;

/** Whether the Temporal server responds to this process. The store may show a worker as alive that is cut off from Temporal. */
export async function temporalResponds(client: Client): Promise<boolean> {
  try {
    await client.withDeadline(Date.now() + CALL_MS, () => client.workflowService.getSystemInfo({}));
    return true;
  } catch {
    return false;
  }
}
