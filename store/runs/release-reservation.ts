import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { usdOf } from '../../core/money/price.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import type { Tx } from '../db/db.ts';
import { loadRun } from './load-run.ts';
import { lockSession } from '../log/lock-session.ts';
import { LOST_CALL, settleModelCall } from '../budgets/model-call.ts';
import { isOpen } from '../log/rows.ts';

/** The reservation of a model call whose outcome will never be reported. */
export interface ReleasedReservation {
  readonly key: SessionKey;
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  readonly reservedUsd: number | null;
  readonly reservedTokens: number | null;
  /** The `budget.released` that was appended. */
  readonly events: readonly PerdureEvent[];
}

/** How long after the end of its run a model call may still be reported. */
export const REPORT_DEADLINE_MS = 600_000;

/** SQL condition on `perdure.model_calls c` and its run `r`: the call holds a reservation, its outcome was not reported, and the run ended at least `param` ms ago. */
export const isOrphanedCall = (param: string): string => `
  (c.held_nanos > 0 OR c.held_tokens > 0) AND c.outcome = 'running' AND r.status NOT IN ('queued', 'running')
  AND r.ended_at <= clock_timestamp() - make_interval(secs => ${param}::float8 / 1000)`;

/**
 * Releases the reservation of the open model call of an ended run. Returns null when there is none. A run has at most
 * one open model call: claiming an attempt settles the one before as `lost`.
 */
export async function releaseReservation(tx: Tx, key: SessionKey, runId: string): Promise<ReleasedReservation | null> {
  const session = await lockSession(tx, key);
  if (!session) return null;
  const { run, modelCall } = await loadRun(tx, key, runId);
  if (isOpen(run.status) || modelCall?.outcome !== 'running') return null;
  const rows = settleModelCall(session, run, modelCall, LOST_CALL);
  modelCall.held_nanos = 0;
  modelCall.held_tokens = 0;
  const { step, attempt, reserved_nanos, reserved_tokens: reservedTokens } = modelCall;
  const facts = { runId, step, attempt, reservedUsd: usdOf(reserved_nanos), reservedTokens };
  const pending = pendingEvents(session);
  pending.add({ type: 'budget.released', ...facts }, `released:${runId}:${step}:${attempt}`);
  return { key, ...facts, events: await appendEvents(tx, session, pending, { runs: [run], ...rows }) };
}

/** Like {@link releaseReservation}, for every run of a session whose lock the transaction holds. Called before the records are deleted, because maintenance could not find them afterwards. */
export async function releaseSessionReservations(tx: Tx, key: SessionKey): Promise<PerdureEvent[]> {
  const runs = await tx.query<{ run_id: string }>(
    `SELECT DISTINCT c.run_id FROM perdure.model_calls c
       JOIN perdure.runs r ON r.user_id = c.user_id AND r.session_id = c.session_id AND r.run_id = c.run_id
      WHERE c.user_id = $1 AND c.session_id = $2 AND ${isOrphanedCall('$3')}`,
    [key.user, key.session, REPORT_DEADLINE_MS],
  );
  const events: PerdureEvent[] = [];
  for (const { run_id } of runs) events.push(...((await releaseReservation(tx, key, run_id))?.events ?? []));
  return events;
}
