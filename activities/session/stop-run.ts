import { setTimeout } from 'node:timers/promises';
import { resolvePolicy } from '../../core/policy.ts';
import { isChildId } from '../../core/children/child-id.ts';
import type { RunStatus, StopReason } from '../../contracts/session/run.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { commitRunEnd } from '../../store/runs/commit-run-end.ts';
import { findNextRun } from '../../store/serving/find-next-run.ts';
import { stopRun } from '../../store/runs/stop/stop-run.ts';
import { readRun } from '../../store/read/read-run.ts';
import { readSession } from '../../store/read/read-session.ts';
import type {
  CancelOpenRunOutput,
  EndRunInput,
  SessionActivities,
  StopOutput,
  StopRequest,
} from '../shared/contract.ts';
import { cancelOpenRun as cancelOpenRunInStore } from '../../store/sessions/cancel-open-run.ts';
import { handOver, stopChildren } from '../children/children.ts';
import { callingSession } from '../shared/calling-session.ts';
import { keptText } from '../shared/kept-text.ts';
import { command } from '../shared/command-failure.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** How long a stop waits for its record. A cancel must not wait for a store that is away. */
const STORE_MS = 2_000;

/** How long the stop of a run waits for the store, which would show that another one is in progress. */
const STOP_MS = 500;

/**
 * Publishes the stop on the live channel, so that the worker that executes the run's activity aborts it at once. Records
 * the reason in the store for the case that the notification is lost. A run that no activity is executing is cancelled there. A stop
 * succeeds without the record.
 */
export async function requestStop(
  deps: ActivityDeps,
  { runId, reason, stays = false, releases = false, any = false }: StopRequest,
): Promise<StopOutput> {
  const { live, db, telemetry } = deps;
  const { key } = callingSession();
  if (releases) {
    live.publish(key, { kind: 'serving', serving: 'leave' });
    return {};
  }
  const publish = (id: string): void => {
    const stop = { kind: 'control', runId: id, command: 'cancel', reason } as const;
    live.publish(key, stays ? stop : { ...stop, leaves: true });
  };
  publish(runId);
  // At once, and not waited for by the stop of the run itself.
  const below = stopChildren(deps, key, runId, reason).catch(() => {});
  const recorded = (async () => {
    const current = any ? ((await findNextRun(db, key))?.runId ?? runId) : runId;
    if (current !== runId) publish(current);
    const { status, events } = await stopRun(db, key, current, reason);
    publishAppended(deps, key, events);
    return status;
  })().catch((error: unknown) => {
    telemetry.log.warn('The reason of a stop was not recorded', { session: key.session, run: runId, error });
    return null;
  });
  const status = await within(STORE_MS, recorded, null);
  await within(STORE_MS, below, undefined);
  // This stop may have cancelled the run already.
  return status === 'completed' || status === 'failed' ? { tooLate: true } : {};
}

/**
 * Cancels an open run. An activity of an earlier execution may still work on it, so it is stopped too. While the store does not
 * respond, or fails, a run that is named is stopped without it.
 */
export function cancelOpenRun(
  deps: ActivityDeps,
  input: Parameters<SessionActivities['cancelOpenRun']>[0],
): Promise<CancelOpenRunOutput> {
  const { key } = callingSession();
  const stop = (runId: string): void =>
    deps.live.publish(key, { kind: 'control', runId, command: 'cancel', reason: 'cancelled' });
  return command(async () => {
    const cancelling = keptText(deps, key).then((kept) => cancelOpenRunInStore(deps.db, key, { ...input, kept }));
    const wanted = input.runId;
    const succeeded = cancelling.then(
      () => true,
      () => false,
    );
    const isStopped = wanted !== null && !(await within(STOP_MS, succeeded, false));
    if (isStopped) stop(wanted);
    const { events, ...cancelled } = await cancelling;
    if (cancelled.runId !== null && !cancelled.spared) {
      stop(cancelled.runId);
      await afterEnd(deps, { runId: cancelled.runId, reason: 'cancelled' });
    }
    publishAppended(deps, key, events);
    // The activity may have recorded the end before the store got to this cancel.
    const isEnded =
      isStopped && cancelled.runId === null && (await readRun(deps.db, key, wanted))?.status === 'cancelled';
    return isEnded ? { ...cancelled, runId: wanted } : cancelled;
  });
}

/** The result of work; `otherwise` if it takes longer than `ms`. */
async function within<T>(ms: number, work: Promise<T>, otherwise: T): Promise<T> {
  const waiting = new AbortController();
  const result = await Promise.race([work, setTimeout(ms, otherwise, { signal: waiting.signal, ref: false })]);
  waiting.abort();
  return result;
}

/** Ends a run that no activity is executing. Nothing that is committed changes. */
export async function endRun(
  deps: ActivityDeps,
  { runId, ordinal, end }: EndRunInput,
): Promise<{ status: RunStatus; session: SessionStatus }> {
  const { key } = callingSession();
  const { db, agents, deployment } = deps;
  const run = await readRun(db, key, runId);
  // The session was deleted meanwhile, or the store was restored from a backup. A failure would be retried without end.
  if (!run) return { status: 'cancelled', session: (await readSession(db, key))?.status ?? 'deleted' };
  deps.telemetry.events.setAgent(key, run.agent);
  const before = await readSession(db, key);
  const policy = resolvePolicy(deployment.policy, agents.agent(run.agent)?.spec.policy, before?.policy);
  const failSession = end.status === 'failed' && policy.failSessionOnRunFailure;
  const kept = end.status === 'cancelled' ? await keptText(deps, key) : null;
  const ended = { runId, ordinal, end, partial: null, kept, failSession };
  const { status, session, events } = await commitRunEnd(db, key, ended);
  publishAppended(deps, key, events);
  await afterEnd(deps, { runId, reason: 'cancelled' });
  return { status, session };
}

/** Stops the children of a run that has ended, and hands the run over to its parent. What fails here, upkeep repeats. */
async function afterEnd(
  deps: ActivityDeps,
  { runId, reason }: { readonly runId: string; readonly reason: StopReason },
): Promise<void> {
  const { key, kind } = callingSession();
  await stopChildren(deps, key, runId, reason).catch(() => {});
  if (kind === 'run' && isChildId(key.session)) await handOver(deps, key).catch(() => {});
}
