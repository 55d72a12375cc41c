import { resolvePolicy } from '../../core/policy.ts';
import type { RunStatus } from '../../contracts/session/run.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { endRun as endInStore } from '../../store/runs/end-run.ts';
import { readRun } from '../../store/read/read-run.ts';
import { readSession } from '../../store/read/read-session.ts';
import type { EndRunInput, SessionActivities } from '../shared/contract.ts';
import { callingSession } from '../shared/calling-session.ts';
import type { ActivityDeps } from '../shared/deps.ts';

type Stop = Parameters<SessionActivities['ringStop']>[0];

/** Tells whichever worker has the run's activity to abort it now. */
export async function ringStop({ live }: ActivityDeps, { runId, reason }: Stop): Promise<void> {
  live.publish(callingSession().key, { kind: 'control', runId, command: 'cancel', reason });
}

/** Ends a run that no activity is advancing. What was committed before stays as it is. */
export async function endRun(
  deps: ActivityDeps,
  { runId, ordinal, end }: EndRunInput,
): Promise<{ status: RunStatus; session: SessionStatus }> {
  const { key } = callingSession();
  const { db, agents, deployment } = deps;
  const run = await readRun(db, key, runId);
  // Deleted meanwhile: there is nothing to end, and nothing to insist on.
  if (!run) return { status: 'cancelled', session: 'deleted' };
  deps.telemetry.events.setAgent(key, run.agent);
  const before = await readSession(db, key);
  const policy = resolvePolicy(deployment.policy, agents.agent(run.agent)?.spec.policy, before?.policy);
  const failSession = end.status === 'failed' && policy.failSessionOnRunFailure;
  const { status, session, events } = await endInStore(db, key, { runId, ordinal, end, partial: null, failSession });
  publishAppended(deps, key, events);
  return { status, session };
}
