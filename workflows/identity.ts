import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import { runWorkflowIdOf, sessionKeyOf, workflowIdOf, type SessionKey } from '../contracts/session/session-key.ts';

/**
 * Whose workflow this is, by its id alone. Under an id that is not its kind's the workflow fails: two ids would share
 * the rows of one session otherwise, and a plain exception would fail the workflow's task for ever.
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
