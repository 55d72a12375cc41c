import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import { runWorkflowIdOf, sessionKeyOf, workflowIdOf, type SessionKey } from '../contracts/session/session-key.ts';

/**
 * Returns the session key in the workflow id. Fails the workflow if the id does not have the form of its kind: two ids
 * could otherwise share the rows of one session. A plain exception would instead retry the workflow task for ever.
 */
export function identity(kind: 'session' | 'run'): SessionKey {
  const { workflowId } = workflowInfo();
  const key = keyIn(workflowId);
  if (key && workflowId === (kind === 'run' ? runWorkflowIdOf(key) : workflowIdOf(key))) return key;
  const form = kind === 'run' ? ':run:user:run' : 'user:session';
  throw ApplicationFailure.nonRetryable(
    `The workflow id ${JSON.stringify(workflowId)} is not "${form}" with the user part percent-encoded.`,
    'invalid_request',
  );
}

function keyIn(workflowId: string): SessionKey | null {
  try {
    return sessionKeyOf(workflowId);
  } catch {
    return null;
  }
}
