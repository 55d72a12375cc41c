import { continueAsNew, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { MaintenanceActivities, SweepPageInput } from '../activities/shared/contract.ts';

const { sweepPage } = proxyActivities<MaintenanceActivities>({
  startToCloseTimeout: '1h',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', maximumInterval: '1m' },
});

/** Pages in one execution: each is three events of history. */
const PAGES = 500;

/** Cleans up sessions, page by page. What it did is in the store; history holds where it is. */
export async function maintenance(input: Partial<SweepPageInput> = {}): Promise<void> {
  const { sweepId = workflowInfo().firstExecutionRunId, user = null, request = {} } = input;
  let after = input.after ?? null;
  for (let pages = 0; pages < PAGES; pages += 1) {
    const { next } = await sweepPage({ sweepId, user, request, after });
    if (next === null) return;
    after = next;
  }
  await continueAsNew<typeof maintenance>({ sweepId, user, request, after });
}
