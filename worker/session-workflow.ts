import { WORKFLOW } from '../contracts/names.ts';
import { fairnessKey } from '../contracts/session/fairness-key.ts';
import { runWorkflowIdOf, workflowIdOf } from '../contracts/session/session-key.ts';
import type { SessionWithOpenRuns } from '../store/admin/sweeps/list-sessions-with-open-runs.ts';

/** The type and the id of a session's workflow, its summary in the Temporal UI, and the priority of its tasks. */
export function sessionWorkflow({ key, kind }: SessionWithOpenRuns) {
  const priority = { fairnessKey: fairnessKey(key.user) };
  return kind === 'run'
    ? {
        workflowType: WORKFLOW.run,
        workflowId: runWorkflowIdOf(key),
        staticSummary: 'Run without a session',
        priority,
      }
    : { workflowType: WORKFLOW.session, workflowId: workflowIdOf(key), staticSummary: 'Agent session', priority };
}
