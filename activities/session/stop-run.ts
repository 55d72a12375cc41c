import { resolvePolicy } from '../../core/policy.ts';
import type { RunStatus } from '../../contracts/session/run.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { commitRunEnd } from '../../store/runs/commit-run-end.ts';
import { readRun } from '../../store/read/read-run.ts';
import { readSession } from '../../store/read/read-session.ts';
import type { EndRunInput, SessionActivities } from '../shared/contract.ts';
import { callingSession } from '../shared/calling-session.ts';
import type { ActivityDeps } from '../shared/deps.ts';

type StopRequest = Parameters<SessionActivities['requestStop']>[0];

/** Publishes the stop on the live channel. The worker that executes the run's activity aborts it at once. */
export async function requestStop({ live }: ActivityDeps, { runId, reason }: StopRequest): Promise<void> {
  live.publish(callingSession().key, { kind: 'control', runId, command: 'cancel', reason });
}

/** Ends a run that no activity is executing. Nothing that is committed changes. */
export async function endRun(
  deps: ActivityDeps,
  { runId, ordinal, end }: EndRunInput,
): Promise<{ status: RunStatus; session: SessionStatus }> {
  const { key } = callingSession();
  const { db, agents, deployment } = deps;
  const run = await readRun(db, key, runId);
  // The session was deleted meanwhile. A failure would be retried without end.
  if (!run) return { status: 'cancelled', session: 'deleted' };
  deps.telemetry.events.setAgent(key, run.agent);
  const before = await readSession(db, key);
  const policy = resolvePolicy(deployment.policy, agents.agent(run.agent)?.spec.policy, before?.policy);
  const failSession = end.status === 'failed' && policy.failSessionOnRunFailure;
  const { status, session, events } = await commitRunEnd(db, key, { runId, ordinal, end, partial: null, failSession });
  publishAppended(deps, key, events);
  return { status, session };
}
