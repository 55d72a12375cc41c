import type { PerdureEvent } from '../../contracts/event.ts';
import { sessionKey, type SessionKey } from '../../contracts/session-key.ts';
import { usdOf } from '../../core/price.ts';
import { appendEvents, newEvents } from '../append-events.ts';
import type { Db, Tx } from '../db.ts';
import { loadRun } from '../load-run.ts';
import { lockSession } from '../lock-session.ts';
import { settleCall, UNKNOWN_COST } from '../model-call.ts';
import { isOpen } from '../rows.ts';

/** What was set aside for a call that nobody will report any more. */
export interface ReleasedReservation {
  readonly key: SessionKey;
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  readonly reservedUsd: number | null;
  readonly reservedTokens: number | null;
  /** The `budget.released` that says so in the session. */
  readonly events: readonly PerdureEvent[];
}

export interface ReleaseOptions {
  /** A call that began later may yet be reported. Default 600,000 ms. */
  readonly olderThanMs?: number;
  /** Calls at most. Default 1,000. */
  readonly limit?: number;
}

interface VanishedRun {
  readonly user_id: string;
  readonly session_id: string;
  readonly run_id: string;
}

/**
 * For maintenance: gives back what was set aside for model calls whose run is over while nobody has said how they
 * ended. Their tokens and cost stay unknown, and the session says so. Safe to repeat and to run twice at once. One
 * that fails is left for the next time.
 */
export async function releaseReservations(
  db: Db,
  { olderThanMs = 600_000, limit = 1_000 }: ReleaseOptions = {},
): Promise<{ readonly released: ReleasedReservation[]; readonly failed: number }> {
  const vanished = await db.query<VanishedRun>(FIND, [olderThanMs, limit]);
  const released: ReleasedReservation[] = [];
  let failed = 0;
  for (const { user_id, session_id, run_id } of vanished) {
    const key = sessionKey(user_id, session_id);
    try {
      const one = await db.transaction(async (tx) => await releaseCall(tx, key, run_id));
      if (one) released.push(one);
    } catch {
      failed += 1;
    }
  }
  return { released, failed };
}

/** A run has one call under way at most: an earlier attempt is lost when the next is claimed. */
async function releaseCall(tx: Tx, key: SessionKey, runId: string): Promise<ReleasedReservation | null> {
  const session = await lockSession(tx, key);
  if (!session) return null;
  const { run, modelCall } = await loadRun(tx, key, runId);
  if (isOpen(run.status) || modelCall?.outcome !== 'running') return null;
  const end = { outcome: 'lost', usage: null, cost: UNKNOWN_COST, firstTokenMs: null, durationMs: null } as const;
  const rows = settleCall(session, run, modelCall, end);
  modelCall.held_nanos = 0;
  modelCall.held_tokens = 0;
  const { step, attempt, reserved_nanos, reserved_tokens: reservedTokens } = modelCall;
  const facts = { runId, step, attempt, reservedUsd: usdOf(reserved_nanos), reservedTokens };
  const log = newEvents(session);
  log.add({ type: 'budget.released', ...facts }, `released:${runId}:${step}:${attempt}`);
  return { key, ...facts, events: await appendEvents(tx, session, log, { runs: [run], ...rows }) };
}

const FIND = `
  SELECT c.user_id, c.session_id, c.run_id
    FROM perdure.model_calls c
    JOIN perdure.runs r ON r.user_id = c.user_id AND r.session_id = c.session_id AND r.run_id = c.run_id
   WHERE (c.held_nanos > 0 OR c.held_tokens > 0) AND c.outcome = 'running'
     AND r.status NOT IN ('queued', 'running')
     AND c.started_at < clock_timestamp() - make_interval(secs => $1::float8 / 1000)
   ORDER BY c.started_at
   LIMIT $2`;
