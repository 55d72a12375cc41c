import type { ChildWorkflow, RecordedChild } from '../../contracts/session/children.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { recordEndedChildren } from '../../store/sessions/children.ts';
import type { GatewayDeps } from './gateway-deps.ts';

/**
 * The workflows started by a session's tools that are still running; null when Temporal does not respond. `recorded`:
 * those that are not known to have ended. Without any, Temporal is not called.
 */
export async function runningChildren(
  { db, sender }: Pick<GatewayDeps, 'db' | 'sender'>,
  key: SessionKey,
  recorded: readonly RecordedChild[],
): Promise<ChildWorkflow[] | null> {
  if (recorded.length === 0) return [];
  const executions = await sender.executions(recorded.map(({ workflowId }) => workflowId)).catch(() => null);
  if (executions === null) return null;
  const idsWith = (status: 'over' | 'absent') =>
    executions.filter((execution) => execution.status === status).map(({ workflowId }) => workflowId);
  // If this write fails, the next call repeats it.
  await recordEndedChildren(db, key, { over: idsWith('over'), absent: idsWith('absent') }).catch(() => {});
  const running = new Map(
    executions.map(({ workflowId, startedAt, status }) => [workflowId, status === 'running' ? startedAt : null]),
  );
  return recorded.flatMap((child) => {
    const startedAt = running.get(child.workflowId);
    return startedAt ? [{ ...child, startedAt }] : [];
  });
}
