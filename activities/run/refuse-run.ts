import type { ResolvedPolicy } from '../../core/policy.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { commitRunEnd } from '../../store/runs/commit-run-end.ts';
import { countFailedCall } from '../../store/runs/count-failed-call.ts';
import type { RunStatus } from '../../contracts/session/run.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { chargingIfRemoved } from './charge-if-removed.ts';
import type { ModelCallOutcome } from './model-call-outcome.ts';
import type { StepTask } from './step-task.ts';

/** The code of a run that middleware has refused. */
export const REFUSED = 'refused';

/** Thrown when a step has ended its run other than by an answer. */
export class RunEnded extends Error {
  override readonly name = 'RunEnded';
  readonly status: RunStatus;
  readonly session: SessionStatus;

  constructor(status: RunStatus, session: SessionStatus) {
    super(`The run has ended as ${status}.`);
    this.status = status;
    this.session = session;
  }
}

/**
 * Ends a run that middleware has refused, and returns what to throw. The end is committed here, not by the workflow, so that
 * the reason is in the store and not in Temporal's history.
 */
export async function refuseRun(
  deps: ActivityDeps,
  task: StepTask,
  { failSessionOnRunFailure: failSession }: Pick<ResolvedPolicy, 'failSessionOnRunFailure'>,
  { reason, sent: { spent, context }, timings }: Extract<ModelCallOutcome, { kind: 'refused' }>,
): Promise<RunEnded> {
  const { key, runId, stream, position } = task;
  const { step, attempt } = position;
  try {
    const { usage, cost, estimate } = spent;
    const made = spent.calls > 0;
    const call = { runId, step, attempt, errorCode: REFUSED, usage, cost, estimate, made, context, ...timings };
    await chargingIfRemoved(deps, task, estimate, () => countFailedCall(deps.db, key, call));
    const end = { status: 'failed', error: { code: REFUSED, detail: reason } } as const;
    const { status, session, events } = await commitRunEnd(deps.db, key, { runId, end, partial: null, failSession });
    publishAppended(deps, key, events);
    return new RunEnded(status, session);
  } finally {
    stream.retract();
  }
}
