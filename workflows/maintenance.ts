import { continueAsNew, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { MaintenanceActivities, SweepPageInput } from '../activities/shared/contract.ts';

const { sweepPage } = proxyActivities<MaintenanceActivities>({
  startToCloseTimeout: '1h',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', maximumInterval: '1m' },
});

/** Pages in one execution. Each adds three events to the history. */
const PAGES_PER_EXECUTION = 500;

/** Cleans up sessions, page by page. The store holds the results, the history only the position. */
export async function maintenance(input: Partial<SweepPageInput> = {}): Promise<void> {
  const { sweepId = workflowInfo().firstExecutionRunId, user = null, request = {} } = input;
  let after = input.after ?? null;
  for (let pages = 0; pages < PAGES_PER_EXECUTION; pages += 1) {
    const { next } = await sweepPage({ sweepId, user, request, after });
    if (next === null) return;
    after = next;
  }
  await continueAsNew<typeof maintenance>({ sweepId, user, request, after });
}
