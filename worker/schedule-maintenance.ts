import { ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import type { MaintenanceSettings } from '../contracts/maintenance.ts';
import { MAINTENANCE_SCHEDULE, WORKFLOW } from '../contracts/names.ts';

const SIX_HOURS_MS = 6 * 3_600_000;

/** Creates the Temporal Schedule of clean-ups or updates it to these settings. Idempotent, also across workers. Skips a sweep while the previous one is running. */
export async function scheduleMaintenance(
  client: Client,
  taskQueue: string,
  { intervalMs = SIX_HOURS_MS }: MaintenanceSettings,
): Promise<void> {
  const scheduleId = scheduleIdOf(taskQueue);
  const spec = { intervals: [{ every: intervalMs }] };
  const action = {
    type: 'startWorkflow' as const,
    workflowType: WORKFLOW.maintenance,
    workflowId: ':maintenance',
    taskQueue,
    args: [],
  };
  const policies = { overlap: ScheduleOverlapPolicy.SKIP };
  try {
    await client.schedule.create({ scheduleId, spec, action, policies });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule.getHandle(scheduleId).update((current) => ({ ...current, spec, action, policies }));
  }
}

/** Creates the schedule if Temporal has lost it, and returns whether it did. An existing one keeps its settings: those of a newer worker may differ. */
export async function restoreSchedule(
  client: Client,
  taskQueue: string,
  settings: MaintenanceSettings,
): Promise<boolean> {
  try {
    await client.schedule.getHandle(scheduleIdOf(taskQueue)).describe();
    return false;
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
  await scheduleMaintenance(client, taskQueue, settings);
  return true;
}

function scheduleIdOf(taskQueue: string): string {
  return taskQueue === 'perdure' ? MAINTENANCE_SCHEDULE : `${MAINTENANCE_SCHEDULE}:${taskQueue}`;
}
