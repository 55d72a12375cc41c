import { proxyActivities } from '@temporalio/workflow';
import type { MaintenanceActivities, RunBatchInput } from '../../activities/shared/contract.ts';
import { continueOnCurrentVersion } from '../carried-state.ts';

const { runBatch } = proxyActivities<MaintenanceActivities>({
  startToCloseTimeout: '1h',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', maximumInterval: '30s' },
});

/** Slices in one execution. Each adds three events to the history. */
const SLICES_PER_EXECUTION = 500;

/** Executes a batch. The store has what it is to do, and the progress; the history has only its id. */
export async function batch({ batchId }: RunBatchInput): Promise<void> {
  for (let slices = 0; slices < SLICES_PER_EXECUTION; slices += 1) {
    const { more } = await runBatch({ batchId });
    if (!more) return;
  }
  await continueOnCurrentVersion<typeof batch>({ batchId });
}
