import { v7 as uuidv7 } from 'uuid';
import { LIMITS } from '../../../contracts/limits.ts';
import type { WaitKind } from '../../../contracts/provider.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { decideSlot, MIN_DELAY_MS, reservationMs, type SlotDecision } from '../../../core/providers/decide-slot.ts';
import type { FairQueue } from '../../../core/providers/fair-queue.ts';
import { hasRateLimits, type ProviderLimits } from '../../../core/providers/provider-limits.ts';
import { isHealthy, type ProviderState } from '../../../core/providers/provider-state.ts';
import type { Db, Tx } from '../../db/db.ts';
import { closeWait, recordWait, type OpenWait } from '../../runs/waits.ts';
import { EPOCH_MS, lockProvider } from './lock-provider.ts';

// Slots are rows of `provider_places`, waiters of `provider_tickets`, users' finish tags of `provider_turns`.

export interface SlotRequest {
  readonly provider: string;
  readonly limits: ProviderLimits;
  readonly runId: string;
  /** The longest total wait, from the run's first request. 0: do not wait. */
  readonly maxWaitMs: number;
  /** Jitter, from 0 to 1. */
  readonly random: number;
  /** Whether the run can ask another provider: it then waits for no circuit and no cool-down, and nothing is recorded. Default false. */
  readonly mayPass?: boolean;
  /** Another provider may be called from then on, epoch ms: the run does not wait any longer. Default: none. */
  readonly otherwiseAtMs?: number | null;
}

/** `healthy`: whether the provider is. */
export type SlotResult = { readonly healthy: boolean } & (
  | {
      readonly kind: 'granted';
      /** To be released. Null when calls are not counted. */
      readonly slotId: string | null;
      /** Since the run's first request. */
      readonly waitedMs: number;
    }
  | {
      /** `wait`: call again after `delayMs`. `refused`: the wait would exceed `maxWaitMs`. `passed`: the run asks another provider. */
      readonly kind: 'wait' | 'refused' | 'passed';
      readonly why: WaitKind;
      readonly sinceMs: number;
      readonly untilMs: number | null;
      readonly delayMs: number;
      /** Whether the run did not wait for this reason before. */
      readonly isNew: boolean;
    }
);

/** A waiter this late still counts as waiting, but no slot is reserved for it. */
const LATE_MS = 2_000;
/** A waiter this late is ignored: its worker was lost, or its run has ended. */
const GONE_MS = 60_000;

/**
 * Decides whether a run's model call may start now, and records the slot or the wait. Runs under the provider's row lock,
 * which serialises the decisions of all workers.
 */
export async function acquireSlot(db: Db, key: SessionKey, request: SlotRequest): Promise<SlotResult> {
  return await db.transaction(async (tx) => {
    const state = await lockProvider(tx, request.provider);
    const load = await readLoad(tx, key, request, reservationMs(state));
    const { inFlight, trialInFlight, users, due, rank, nowMs, wait } = load;
    const sinceMs = load.sinceMs ?? nowMs;
    const { limits, random, maxWaitMs } = request;
    const queue: FairQueue = { virtualTime: state.virtualTime, users, due };
    const waiter = { user: key.user, rank, sinceMs };
    const decision = decideSlot({ state, limits, inFlight, trialInFlight, queue, waiter, nowMs, random });
    const healthy = isHealthy(state);
    if (decision.kind === 'grant') {
      const slotId = await grant(tx, key, request, decision, load);
      return { kind: 'granted', slotId, waitedMs: nowMs - sinceMs, healthy };
    }
    const { why } = decision;
    const { mayPass = false, otherwiseAtMs = null } = request;
    const untilMs = earliest(decision.untilMs, otherwiseAtMs);
    if (mayPass && why !== 'rate_limit') {
      return { kind: 'passed', why, sinceMs, untilMs, delayMs: decision.delayMs, isNew: false, healthy };
    }
    const leftMs = sinceMs + maxWaitMs - nowMs;
    const isNew = wait?.kind !== why || wait.provider !== request.provider;
    const facts = { why, sinceMs, untilMs, isNew, healthy };
    if (leftMs <= 0) {
      await leaveQueue(tx, key, request.runId);
      if (wait) await closeWait(tx, key, request.runId);
      return { kind: 'refused', delayMs: 0, ...facts };
    }
    const otherwiseMs = otherwiseAtMs === null ? leftMs : Math.max(MIN_DELAY_MS, otherwiseAtMs - nowMs);
    const delayMs = Math.min(decision.delayMs, otherwiseMs, leftMs);
    await joinQueue(tx, key, request, delayMs);
    await recordWait(tx, key, { runId: request.runId, kind: why, provider: request.provider, untilMs, open: wait });
    return { kind: 'wait', delayMs, ...facts };
  });
}

function earliest(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}

/** The provider's current load, as the requesting run sees it. */
interface Load {
  readonly nowMs: number;
  /** Since when this run waits for this provider; null for its first request. */
  readonly sinceMs: number | null;
  /** The run's rank among the waiters of its user. */
  readonly rank: number;
  readonly inFlight: number;
  readonly trialInFlight: boolean;
  readonly users: FairQueue['users'];
  readonly due: FairQueue['due'];
  readonly wait: OpenWait | null;
}

async function readLoad(tx: Tx, key: SessionKey, { provider, runId }: SlotRequest, reservedMs: number): Promise<Load> {
  const [load] = await tx.query<Load>(READ_LOAD, [
    provider,
    key.user,
    key.session,
    runId,
    reservedMs / 1_000,
    LATE_MS / 1_000,
    GONE_MS / 1_000,
  ]);
  if (!load) throw new Error("The query of a provider's load returned no row.");
  return load;
}

const READ_LOAD = `
  WITH now AS MATERIALIZED (SELECT clock_timestamp() AS at),
  own AS (SELECT since FROM perdure.provider_tickets
           WHERE user_id = $2 AND session_id = $3 AND run_id = $4 AND provider = $1),
  waiters AS (SELECT user_id, since, due_at, row_number() OVER (PARTITION BY user_id ORDER BY since) AS rank
                FROM perdure.provider_tickets, now
               WHERE provider = $1 AND due_at > now.at - make_interval(secs => $7)
                 AND (user_id, session_id, run_id) <> ($2, $3, $4)),
  slots AS (SELECT trial FROM perdure.provider_places, now WHERE provider = $1 AND expires_at > now.at)
  SELECT ${EPOCH_MS('now.at')} AS "nowMs",
         (SELECT ${EPOCH_MS('since')} FROM own) AS "sinceMs",
         1 + (SELECT count(*)::int FROM waiters
               WHERE user_id = $2 AND since < coalesce((SELECT since FROM own), now.at)) AS rank,
         (SELECT count(*)::int FROM slots) AS "inFlight",
         (SELECT coalesce(bool_or(trial), false) FROM slots) AS "trialInFlight",
         (SELECT coalesce(json_agg(u), '[]')
            FROM (SELECT w.user_id AS user, w.waiting, t.finish
                    FROM (SELECT user_id, count(*)::int AS waiting FROM waiters GROUP BY user_id
                          UNION ALL
                          SELECT $2, 0 WHERE NOT EXISTS (SELECT 1 FROM waiters WHERE user_id = $2)) w
                    LEFT JOIN perdure.provider_turns t ON t.provider = $1 AND t.user_id = w.user_id) u) AS users,
         (SELECT coalesce(json_agg(json_build_object('user', user_id, 'rank', rank, 'sinceMs', ${EPOCH_MS('since')})), '[]')
            FROM waiters
           WHERE due_at BETWEEN now.at - make_interval(secs => $6) AND now.at + make_interval(secs => $5)) AS due,
         (SELECT json_build_object('kind', kind, 'provider', provider) FROM perdure.waits
           WHERE user_id = $2 AND session_id = $3 AND run_id = $4 AND ended_at IS NULL) AS wait
    FROM now`;

/** Records a grant. Returns the slot's id, or null when calls are not counted. */
async function grant(
  tx: Tx,
  key: SessionKey,
  { provider, runId, limits }: SlotRequest,
  { state, trial, reservedTokens, finish }: Extract<SlotDecision, { kind: 'grant' }>,
  { sinceMs, wait }: Load,
): Promise<string | null> {
  await saveState(tx, key.user, { provider, state, finish });
  // It may have waited for another provider.
  if (sinceMs !== null || wait) await leaveQueue(tx, key, runId);
  if (wait) await closeWait(tx, key, runId);
  if (!trial && !hasRateLimits(limits)) return null;
  const slotId = uuidv7();
  await tx.query(
    `INSERT INTO perdure.provider_places
       (place_id, provider, user_id, session_id, run_id, trial, reserved_tokens, taken_at, expires_at)
     SELECT $1, $2, $3, $4, $5, $6, $7, at, at + make_interval(secs => $8) FROM clock_timestamp() at`,
    [slotId, provider, key.user, key.session, runId, trial, reservedTokens, LIMITS.providerPlaceMs.value / 1_000],
  );
  return slotId;
}

/** Saves the provider's state and the user's finish tag, and deletes expired rows. */
async function saveState(
  tx: Tx,
  user: string,
  { provider, state, finish }: { readonly provider: string; readonly state: ProviderState; readonly finish: number },
): Promise<void> {
  await tx.query(
    `WITH saved AS (UPDATE perdure.providers SET state = $2 WHERE provider = $1),
     expired AS (DELETE FROM perdure.provider_places WHERE provider = $1 AND expires_at <= clock_timestamp()),
     abandoned AS (DELETE FROM perdure.provider_tickets
                    WHERE provider = $1 AND due_at < clock_timestamp() - interval '1 day'),
     past AS (DELETE FROM perdure.provider_turns WHERE provider = $1 AND finish <= $3 AND user_id <> $4)
     INSERT INTO perdure.provider_turns (provider, user_id, finish) VALUES ($1, $4, $5)
     ON CONFLICT (provider, user_id) DO UPDATE SET finish = EXCLUDED.finish`,
    [provider, JSON.stringify(state), state.virtualTime, user, finish],
  );
}

/** Adds the run to the queue, or moves its due time. A run keeps its rank while it waits for the same provider. */
async function joinQueue(tx: Tx, key: SessionKey, { provider, runId }: SlotRequest, delayMs: number): Promise<void> {
  await tx.query(
    `INSERT INTO perdure.provider_tickets AS t (user_id, session_id, run_id, provider, since, due_at)
     SELECT $1, $2, $3, $4, at, at + make_interval(secs => $5) FROM clock_timestamp() at
     ON CONFLICT (user_id, session_id, run_id) DO UPDATE
        SET provider = EXCLUDED.provider, due_at = EXCLUDED.due_at,
            since = CASE WHEN t.provider = EXCLUDED.provider THEN t.since ELSE EXCLUDED.since END`,
    [key.user, key.session, runId, provider, delayMs / 1_000],
  );
}

async function leaveQueue(tx: Tx, key: SessionKey, runId: string): Promise<void> {
  await tx.query(`DELETE FROM perdure.provider_tickets WHERE user_id = $1 AND session_id = $2 AND run_id = $3`, [
    key.user,
    key.session,
    runId,
  ]);
}
