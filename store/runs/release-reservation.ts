import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { usdOf } from '../../core/money/price.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import type { Tx } from '../db/db.ts';
import { loadRun } from './load-run.ts';
import { lockSession } from '../log/lock-session.ts';
import { settleHeldCall } from '../budgets/model-call.ts';
import type { ModelCallRow } from '../log/rows.ts';

/** The reservation of a model call that has ended. */
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

/** How long after the end of its run a model call of an older worker may still be reported. */
export const REPORT_DEADLINE_MS = 600_000;

/**
 * SQL condition on `perdure.model_calls c` and its run `r`: the call has a reservation although it has ended, or its run
 * ended at least `param` ms ago. Versions before 0013 leave such calls behind.
 */
export const isOrphanedCall = (param: string): string => `
  (c.held_nanos > 0 OR c.held_tokens > 0)
  AND (c.outcome <> 'running' OR r.status NOT IN ('queued', 'running', 'waiting')
       AND r.ended_at <= clock_timestamp() - make_interval(secs => ${param}::float8 / 1000))`;

/** Settles the orphaned calls of a run by estimates, so that nothing of them stays reserved. `olderThanMs`: see {@link isOrphanedCall}. */
export async function releaseReservations(
  tx: Tx,
  key: SessionKey,
  runId: string,
  olderThanMs: number,
): Promise<ReleasedReservation[]> {
  const session = await lockSession(tx, key);
  if (!session) return [];
  const orphaned = await tx.query<{ call: ModelCallRow }>(
    `SELECT to_json(c) AS call FROM perdure.model_calls c
       JOIN perdure.runs r ON r.user_id = c.user_id AND r.session_id = c.session_id AND r.run_id = c.run_id
      WHERE c.user_id = $1 AND c.session_id = $2 AND c.run_id = $3 AND ${isOrphanedCall('$4')}
      ORDER BY c.step, c.attempt`,
    [key.user, key.session, runId, olderThanMs],
  );
  if (orphaned.length === 0) return [];
  const { run } = await loadRun(tx, key, runId);
  const pending = pendingEvents(session);
  const released = orphaned.map(({ call }) => {
    const { step, attempt, reserved_nanos, reserved_tokens: reservedTokens } = call;
    const facts = { runId, step, attempt, reservedUsd: usdOf(reserved_nanos), reservedTokens };
    pending.add({ type: 'budget.released', ...facts }, `released:${runId}:${step}:${attempt}`);
    return { facts, rows: settleHeldCall(session, run, call) };
  });
  const events = await appendEvents(tx, session, pending, {
    runs: [run],
    modelCalls: released.flatMap(({ rows }) => rows.modelCalls),
    usageDays: released.flatMap(({ rows }) => rows.usageDays),
  });
  return released.map(({ facts }, index) => ({ key, ...facts, events: events.slice(index, index + 1) }));
}

/** Like {@link releaseReservations}, for every run of a session whose lock the transaction holds. Called before the records are deleted, because maintenance could not find them afterwards. */
export async function releaseSessionReservations(tx: Tx, key: SessionKey): Promise<PerdureEvent[]> {
  const runs = await tx.query<{ run_id: string }>(
    `SELECT DISTINCT c.run_id FROM perdure.model_calls c
       JOIN perdure.runs r ON r.user_id = c.user_id AND r.session_id = c.session_id AND r.run_id = c.run_id
      WHERE c.user_id = $1 AND c.session_id = $2 AND ${isOrphanedCall('$3')}`,
    [key.user, key.session, 0],
  );
  const events: PerdureEvent[] = [];
  for (const { run_id } of runs) {
    for (const released of await releaseReservations(tx, key, run_id, 0)) events.push(...released.events);
  }
  return events;
}
