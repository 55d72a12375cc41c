import type { WaitKind } from '../../contracts/provider.ts';
import type { OpenRunToPause } from '../../core/pauses/paused-wait.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';

/** What holds up the open run of a session: the running one, otherwise the oldest queued one. Times are ISO 8601 UTC. */
export interface RunHoldup {
  readonly runId: string;
  readonly isRunning: boolean;
  /** When the run was admitted, or has started. */
  readonly since: string;
  /** The wait for its provider; null without one. */
  readonly wait: {
    readonly kind: WaitKind;
    readonly provider: string;
    readonly since: string;
    readonly until: string | null;
  } | null;
  /** The run, for pauses that hold its next step; null while a model call is in progress. */
  readonly pausable: OpenRunToPause | null;
  /** The last attempt of its model call, if it failed and another follows. */
  readonly failure: {
    readonly step: number;
    readonly attempt: number;
    readonly code: string;
    readonly at: string;
    readonly retryAt: string;
  } | null;
}

/** Reads what holds up the open run of each session, in the order of `keys`, in one query. Null for a session without an open run. */
export async function readRunHoldups(db: Tx, keys: readonly SessionKey[]): Promise<(RunHoldup | null)[]> {
  if (keys.length === 0) return [];
  const rows = await db.query<HoldupRow>(
    `SELECT r.run_id, r.status, r.user_id, r.agent, r.model, r.started_at IS NOT NULL AS has_begun, coalesce(r.started_at, r.created_at) AS since,
            w.kind, w.provider, w.started_at AS wait_since, w.until_at,
            m.outcome, m.step, m.attempt, m.error_code, m.ended_at AS failed_at, m.retry_at
       FROM json_array_elements($1::json) WITH ORDINALITY AS requested(key, place)
       LEFT JOIN LATERAL (
            SELECT * FROM perdure.runs o
             WHERE o.user_id = requested.key->>'user' AND o.session_id = requested.key->>'session'
               AND o.status IN ('queued', 'running', 'waiting')
             ORDER BY o.status = 'running' DESC, o.status = 'waiting' DESC, o.ordinal LIMIT 1) r ON true
       LEFT JOIN perdure.waits w
         ON w.user_id = r.user_id AND w.session_id = r.session_id AND w.run_id = r.run_id AND w.ended_at IS NULL
       LEFT JOIN LATERAL (
            SELECT * FROM perdure.model_calls c
             WHERE c.user_id = r.user_id AND c.session_id = r.session_id AND c.run_id = r.run_id
             ORDER BY c.step DESC, c.attempt DESC LIMIT 1) m ON true
      ORDER BY requested.place`,
    [JSON.stringify(keys)],
  );
  return rows.map(holdupOf);
}

interface HoldupRow {
  readonly run_id: string | null;
  readonly status: string;
  readonly since: string;
  readonly kind: WaitKind | null;
  readonly provider: string;
  readonly wait_since: string;
  readonly until_at: string | null;
  readonly step: number;
  readonly attempt: number;
  readonly error_code: string | null;
  readonly failed_at: string;
  readonly retry_at: string | null;
  readonly user_id: string;
  readonly agent: string;
  readonly model: string | null;
  readonly has_begun: boolean;
  readonly outcome: string | null;
}

function holdupOf(row: HoldupRow): RunHoldup | null {
  if (row.run_id === null) return null;
  const { kind, provider, step, attempt, status, outcome, agent, model } = row;
  const retryAt = outcome === 'failed' ? row.retry_at : null;
  const since = iso(row.since);
  const isIdle = status !== 'waiting' && outcome !== 'running';
  const until = row.until_at === null ? null : iso(row.until_at);
  return {
    runId: row.run_id,
    isRunning: row.status === 'running',
    since,
    pausable: isIdle ? { user: row.user_id, agent, model, hasBegun: row.has_begun, since } : null,
    wait: kind === null ? null : { kind, provider, since: iso(row.wait_since), until },
    failure:
      retryAt === null
        ? null
        : { step, attempt, code: row.error_code ?? 'internal', at: iso(row.failed_at), retryAt: iso(retryAt) },
  };
}

function iso(time: string): string {
  return new Date(time).toISOString();
}
