import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { MaintenanceActivities, SweepPageInput } from '../activities/shared/contract.ts';
import { continueOnCurrentVersion } from './carried-state.ts';

const { sweepPage } = proxyActivities<MaintenanceActivities>({
  startToCloseTimeout: '1h',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', maximumInterval: '1m' },
});

/** Pages in one execution. Each adds three events to the history. */
const PAGES_PER_EXECUTION = 500;

/** The input of a clean-up. Whoever starts one by hand names a user or `all`. */
export type MaintenanceInput = Partial<SweepPageInput> & { readonly all?: boolean };

/** Cleans up sessions, page by page. The store holds the results, the history only the position. */
export async function maintenance(input: MaintenanceInput = {}): Promise<void> {
  const { sweepId = workflowInfo().firstExecutionRunId, request = {} } = input;
  const user = input.all === true ? null : input.user;
  let after = input.after ?? null;
  for (let pages = 0; pages < PAGES_PER_EXECUTION; pages += 1) {
    const { next } = await sweepPage({ sweepId, user, request, after });
    if (next === null) return;
    after = next;
  }
  await continueOnCurrentVersion<typeof maintenance>({ sweepId, user, request, after });
}
