import type { ChildWorkflow, RecordedChild } from '../../contracts/session/children.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { recordEndedChildren } from '../../store/sessions/children.ts';
import type { GatewayParts } from './gateway-parts.ts';

/** Those that run of the workflows that a session's tools have started; null when Temporal does not say. It is asked only where there are any. */
export async function activeChildren(
  { db, sender }: Pick<GatewayParts, 'db' | 'sender'>,
  key: SessionKey,
  noted: readonly RecordedChild[],
): Promise<ChildWorkflow[] | null> {
  if (noted.length === 0) return [];
  const executions = await sender.executions(noted.map(({ workflowId }) => workflowId)).catch(() => null);
  if (executions === null) return null;
  const those = (status: 'over' | 'absent') =>
    executions.filter((execution) => execution.status === status).map(({ workflowId }) => workflowId);
  // If this fails, the next look finds the same.
  await recordEndedChildren(db, key, { over: those('over'), absent: those('absent') }).catch(() => {});
  const running = new Map(
    executions.map(({ workflowId, startedAt, status }) => [workflowId, status === 'running' ? startedAt : null]),
  );
  return noted.flatMap((child) => {
    const startedAt = running.get(child.workflowId);
    return startedAt ? [{ ...child, startedAt }] : [];
  });
}
