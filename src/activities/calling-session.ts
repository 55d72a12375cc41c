import { activityInfo } from '@temporalio/activity';
import { WORKFLOW } from '../contracts/names.ts';
import { sessionKeyOf, type SessionKey } from '../contracts/session-key.ts';

/** The session whose workflow called this activity. Never from arguments: a stranger could write those. */
export function callingSession(): { readonly key: SessionKey; readonly kind: 'session' | 'run' } {
  const { workflowExecution, workflowType } = activityInfo();
  return {
    key: sessionKeyOf(workflowExecution?.workflowId ?? ''),
    kind: workflowType === WORKFLOW.run ? 'run' : 'session',
  };
}
