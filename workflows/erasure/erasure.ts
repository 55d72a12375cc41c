import { proxyActivities } from '@temporalio/workflow';
import type { EraseUserInput, MaintenanceActivities } from '../../activities/shared/contract.ts';

const { eraseUser } = proxyActivities<MaintenanceActivities>({
  startToCloseTimeout: '1h',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', maximumInterval: '30s' },
});

/** Erases a user. The store has whom, and the progress; the history has only the id of the erasure. */
export async function erasure({ erasureId }: EraseUserInput): Promise<void> {
  await eraseUser({ erasureId });
}
