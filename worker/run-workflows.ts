import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { RunWorkflows } from '../activities/shared/temporal/run-workflows.ts';
import { SIGNAL } from '../contracts/names.ts';
import { runWorkflowIdOf } from '../contracts/session/session-key.ts';
import type { WakeReference } from '../contracts/session/wake-reference.ts';
import { sessionWorkflow } from './session-workflow.ts';

/** Time limit of a call of Temporal. */
const TIMEOUT_MS = 5_000;

/** Reaches the workflows of runs and sessions with a Temporal client. */
export function runWorkflows(client: Client, taskQueue: string): RunWorkflows {
  const withTimeout = <T>(call: () => Promise<T>): Promise<T> => client.withDeadline(Date.now() + TIMEOUT_MS, call);
  return {
    async startChild({ childId, parent }) {
      const { workflowType, ...workflow } = sessionWorkflow({
        key: { user: parent.key.user, session: childId },
        kind: 'run',
      });
      await withTimeout(() =>
        client.workflow.start(workflowType, {
          ...workflow,
          taskQueue,
          staticSummary: 'Run of an agent that another one has called',
          memo: { perdure: { session: parent.key.session, run: parent.runId } },
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        }),
      );
    },
    async wake({ key, kind, agent, run, epoch }) {
      const { workflowType, ...workflow } = sessionWorkflow({ key, kind });
      const session = { status: 'active', agent } as const;
      const reference: WakeReference = { session, run, interrupts: null, wasIdle: false, epoch };
      await withTimeout(() =>
        client.workflow.signalWithStart(workflowType, {
          ...workflow,
          taskQueue,
          signal: SIGNAL.wake,
          signalArgs: [reference],
        }),
      );
    },
    async cancelRun(key) {
      const handle = client.workflow.getHandle(runWorkflowIdOf(key));
      try {
        await withTimeout(() => handle.signal(SIGNAL.cancelRun, { runId: key.session }));
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    },
  };
}
