import { v7 as uuidv7 } from 'uuid';
import { LIMITS } from '../../../contracts/limits.ts';
import type { WaitKind } from '../../../contracts/provider.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { askProvider, keptForMs, type Answer } from '../../../core/providers/ask-provider.ts';
import type { Line } from '../../../core/providers/fair-turn.ts';
import { isLimited, type ProviderLimits } from '../../../core/providers/provider-limits.ts';
import { isSound, type ProviderState } from '../../../core/providers/provider-state.ts';
import type { Db, Tx } from '../../db/db.ts';
import { closeWait, recordWait, type OpenWait } from '../../runs/waits.ts';
import { EPOCH_MS, lockProvider } from './lock-provider.ts';

export interface PlaceRequest {
  readonly provider: string;
  readonly limits: ProviderLimits;
  readonly runId: string;
  /** How long it may wait in all, from when it first asked; 0: it would rather not go than wait. */
  readonly maxWaitMs: number;
  /** From 0 to 1. */
  readonly random: number;
}

export type PlaceAnswer = { readonly sound: boolean } & (
  | {
      readonly kind: 'granted';
      /** To be settled; null where nothing is counted. */
      readonly placeId: string | null;
      /** From when it first asked. */
      readonly waitedMs: number;
    }
  | {
      /** `wait`: ask again after `delayMs`. `refused`: it may not wait that long. */
      readonly kind: 'wait' | 'refused';
      readonly why: WaitKind;
      readonly sinceMs: number;
      readonly untilMs: number | null;
      readonly delayMs: number;
      /** Whether it did not wait for this before. */
      readonly isNew: boolean;
    }
);

/** Those who come this late are counted as waiting, but no place is kept for them. */
const LATE_MS = 2_000;
/** Those who are later still are not there: their worker was lost, or their run has ended. */
const GONE_MS = 60_000;

/** Asks, for a call of a run, whether it may go to its provider now, and notes the answer: for all users and workers, under the provider's lock. */
export async function askForPlace(db: Db, key: SessionKey, request: PlaceRequest): Promise<PlaceAnswer> {
  return await db.transaction(async (tx) => {
    const state = await lockProvider(tx, request.provider);
    const facts = await readFacts(tx, key, request, keptForMs(state));
    const { inFlight, trying, users, due, place, nowMs, wait } = facts;
    const sinceMs = facts.sinceMs ?? nowMs;
    const { limits, random, maxWaitMs } = request;
    const line: Line = { virtualTime: state.virtualTime, users, due };
    const ticket = { user: key.user, place, sinceMs };
    const answer = askProvider({ state, limits, inFlight, trying, line, ticket, nowMs, random });
    const sound = isSound(state);
    if (answer.kind === 'grant') {
      const placeId = await grant(tx, key, request, answer, facts);
      return { kind: 'granted', placeId, waitedMs: nowMs - sinceMs, sound };
    }
    const { why, untilMs } = answer;
    const leftMs = sinceMs + maxWaitMs - nowMs;
    const isNew = wait?.kind !== why || wait.provider !== request.provider;
    const told = { why, sinceMs, untilMs, isNew, sound };
    if (leftMs <= 0) {
      await leaveLine(tx, key, request.runId);
      if (wait) await closeWait(tx, key, request.runId);
      return { kind: 'refused', delayMs: 0, ...told };
    }
    const delayMs = Math.min(answer.delayMs, leftMs);
    await standInLine(tx, key, request, delayMs);
    await recordWait(tx, key, { runId: request.runId, kind: why, provider: request.provider, untilMs, open: wait });
    return { kind: 'wait', delayMs, ...told };
  });
}

interface Facts {
  readonly nowMs: number;
  /** Since when this run waits for this provider; null when it asks for the first time. */
  readonly sinceMs: number | null;
  readonly place: number;
  readonly inFlight: number;
  readonly trying: boolean;
  readonly users: Line['users'];
  readonly due: Line['due'];
  readonly wait: OpenWait | null;
}

async function readFacts(tx: Tx, key: SessionKey, { provider, runId }: PlaceRequest, keptMs: number): Promise<Facts> {
  const [facts] = await tx.query<Facts>(READ_FACTS, [
    provider,
    key.user,
    key.session,
    runId,
    keptMs / 1_000,
    LATE_MS / 1_000,
    GONE_MS / 1_000,
  ]);
  if (!facts) throw new Error('The store answered nothing.');
  return facts;
}

const READ_FACTS = `
  WITH now AS MATERIALIZED (SELECT clock_timestamp() AS at),
  own AS (SELECT since FROM perdure.provider_tickets
           WHERE user_id = $2 AND session_id = $3 AND run_id = $4 AND provider = $1),
  line AS (SELECT user_id, since, due_at, row_number() OVER (PARTITION BY user_id ORDER BY since) AS place
             FROM perdure.provider_tickets, now
            WHERE provider = $1 AND due_at > now.at - make_interval(secs => $7)
              AND (user_id, session_id, run_id) <> ($2, $3, $4)),
  places AS (SELECT trial FROM perdure.provider_places, now WHERE provider = $1 AND expires_at > now.at)
  SELECT ${EPOCH_MS('now.at')} AS "nowMs",
         (SELECT ${EPOCH_MS('since')} FROM own) AS "sinceMs",
         1 + (SELECT count(*)::int FROM line
               WHERE user_id = $2 AND since < coalesce((SELECT since FROM own), now.at)) AS place,
         (SELECT count(*)::int FROM places) AS "inFlight",
         (SELECT coalesce(bool_or(trial), false) FROM places) AS trying,
         (SELECT coalesce(json_agg(u), '[]')
            FROM (SELECT w.user_id AS user, w.waiting, t.finish
                    FROM (SELECT user_id, count(*)::int AS waiting FROM line GROUP BY user_id
                          UNION ALL
                          SELECT $2, 0 WHERE NOT EXISTS (SELECT 1 FROM line WHERE user_id = $2)) w
                    LEFT JOIN perdure.provider_turns t ON t.provider = $1 AND t.user_id = w.user_id) u) AS users,
         (SELECT coalesce(json_agg(json_build_object('user', user_id, 'place', place, 'sinceMs', ${EPOCH_MS('since')})), '[]')
            FROM line
           WHERE due_at BETWEEN now.at - make_interval(secs => $6) AND now.at + make_interval(secs => $5)) AS due,
         (SELECT json_build_object('kind', kind, 'provider', provider) FROM perdure.waits
           WHERE user_id = $2 AND session_id = $3 AND run_id = $4 AND ended_at IS NULL) AS wait
    FROM now`;

/** The place's id, or null where places are not counted. */
async function grant(
  tx: Tx,
  key: SessionKey,
  { provider, runId, limits }: PlaceRequest,
  { state, trial, reservedTokens, finish }: Extract<Answer, { kind: 'grant' }>,
  { sinceMs, wait }: Facts,
): Promise<string | null> {
  await saveGrant(tx, key.user, { provider, state, finish });
  if (sinceMs !== null) await leaveLine(tx, key, runId);
  if (wait) await closeWait(tx, key, runId);
  if (!trial && !isLimited(limits)) return null;
  const placeId = uuidv7();
  await tx.query(
    `INSERT INTO perdure.provider_places
       (place_id, provider, user_id, session_id, run_id, trial, reserved_tokens, taken_at, expires_at)
     SELECT $1, $2, $3, $4, $5, $6, $7, at, at + make_interval(secs => $8) FROM clock_timestamp() at`,
    [placeId, provider, key.user, key.session, runId, trial, reservedTokens, LIMITS.providerPlaceMs.value / 1_000],
  );
  return placeId;
}

async function saveGrant(
  tx: Tx,
  user: string,
  { provider, state, finish }: { readonly provider: string; readonly state: ProviderState; readonly finish: number },
): Promise<void> {
  await tx.query(
    `WITH saved AS (UPDATE perdure.providers SET state = $2 WHERE provider = $1),
     expired AS (DELETE FROM perdure.provider_places WHERE provider = $1 AND expires_at <= clock_timestamp()),
     forgotten AS (DELETE FROM perdure.provider_tickets
                    WHERE provider = $1 AND due_at < clock_timestamp() - interval '1 day'),
     past AS (DELETE FROM perdure.provider_turns WHERE provider = $1 AND finish <= $3 AND user_id <> $4)
     INSERT INTO perdure.provider_turns (provider, user_id, finish) VALUES ($1, $4, $5)
     ON CONFLICT (provider, user_id) DO UPDATE SET finish = EXCLUDED.finish`,
    [provider, JSON.stringify(state), state.virtualTime, user, finish],
  );
}

async function standInLine(tx: Tx, key: SessionKey, { provider, runId }: PlaceRequest, delayMs: number): Promise<void> {
  await tx.query(
    `INSERT INTO perdure.provider_tickets AS t (user_id, session_id, run_id, provider, since, due_at)
     SELECT $1, $2, $3, $4, at, at + make_interval(secs => $5) FROM clock_timestamp() at
     ON CONFLICT (user_id, session_id, run_id) DO UPDATE
        SET provider = EXCLUDED.provider, due_at = EXCLUDED.due_at,
            since = CASE WHEN t.provider = EXCLUDED.provider THEN t.since ELSE EXCLUDED.since END`,
    [key.user, key.session, runId, provider, delayMs / 1_000],
  );
}

async function leaveLine(tx: Tx, key: SessionKey, runId: string): Promise<void> {
  await tx.query(`DELETE FROM perdure.provider_tickets WHERE user_id = $1 AND session_id = $2 AND run_id = $3`, [
    key.user,
    key.session,
    runId,
  ]);
}
