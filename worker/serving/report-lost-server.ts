import type { Client } from '@temporalio/client';
import type { ServerLoss } from '../../contracts/session/server-loss.ts';
import { SIGNAL } from '../../contracts/names.ts';
import type { SessionWithOpenRuns } from '../../store/admin/sweeps/list-sessions-with-open-runs.ts';
import { sessionWorkflow } from '../session-workflow.ts';
import { withDeadline } from './with-deadline.ts';

/**
 * Reports to a session's workflow that its server is lost, and starts the workflow if it is not running. Its next task goes to
 * any worker: the one that has it in its cache may be the lost one, and the task would wait for it.
 */
export async function reportLostServer(
  client: Client,
  taskQueue: string,
  session: SessionWithOpenRuns,
  loss: ServerLoss,
): Promise<void> {
  const { workflowType, ...workflow } = sessionWorkflow(session);
  const { workflowId } = workflow;
  const { namespace } = client.options;
  // Without effect on a workflow that is not running. The task would only wait until the server gives the lost worker up.
  await withDeadline(client, () =>
    client.workflowService.resetStickyTaskQueue({ namespace, execution: { workflowId } }),
  ).catch(() => {});
  const options = { ...workflow, taskQueue, signal: SIGNAL.serverLost, signalArgs: [loss] };
  await withDeadline(client, () => client.workflow.signalWithStart(workflowType, options));
}
