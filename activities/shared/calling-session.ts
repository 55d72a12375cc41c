import { activityInfo } from '@temporalio/activity';
import { WORKFLOW } from '../../contracts/names.ts';
import { sessionKeyOf, type SessionKey } from '../../contracts/session/session-key.ts';

/** The session whose workflow called this activity. Taken from the workflow id and never from arguments, which a caller could forge. */
export function callingSession(): {
  readonly key: SessionKey;
  readonly kind: 'session' | 'run';
  readonly workflowId: string;
} {
  const { workflowExecution, workflowType } = activityInfo();
  const workflowId = workflowExecution?.workflowId ?? '';
  return {
    key: sessionKeyOf(workflowId),
    workflowId,
    kind: workflowType === WORKFLOW.run ? 'run' : 'session',
  };
}
