import type { KeptConversations, SweepAction } from '../../../contracts/maintenance.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db, Tx } from '../../db/db.ts';

/** How long reports are kept. */
const REPORT_RETENTION = '30 days';

/** What identifies and scopes a sweep. */
export interface SweepStart {
  readonly id: string;
  /** The user whose sessions are swept; null for all users. */
  readonly user: string | null;
  readonly dryRun: boolean;
}

/** For workers: creates the report of a sweep unless it exists, and deletes old reports. */
export async function beginSweep(db: Db, { id, user, dryRun }: SweepStart): Promise<void> {
  await db.query(
    `INSERT INTO perdure.sweeps (sweep_id, user_id, dry_run, seen, counts, started_at)
     VALUES ($1, $2, $3, 0, '{}', date_trunc('milliseconds', clock_timestamp())) ON CONFLICT DO NOTHING`,
    [id, user, dryRun],
  );
  await db.query(
    `WITH old AS (DELETE FROM perdure.sweeps WHERE started_at < clock_timestamp() - interval '${REPORT_RETENTION}' RETURNING sweep_id)
     DELETE FROM perdure.sweep_actions a USING old WHERE a.sweep_id = old.sweep_id`,
    [],
  );
}

/** Records an action on a session, once per sweep, in the transaction that carries it out. A later action replaces a warning. */
export async function recordAction(
  tx: Tx,
  sweepId: string,
  key: SessionKey,
  { action, reason }: { readonly action: SweepAction; readonly reason: string },
): Promise<void> {
  await tx.query(
    `WITH warned AS (
       SELECT count(*)::integer AS n FROM perdure.sweep_actions
        WHERE sweep_id = $1 AND user_id = $2 AND session_id = $3 AND action = 'warned'),
     noted AS (
       INSERT INTO perdure.sweep_actions AS a (sweep_id, user_id, session_id, action, reason, at)
       VALUES ($1, $2, $3, $4, $5, clock_timestamp())
           ON CONFLICT (sweep_id, user_id, session_id) DO UPDATE
          SET action = EXCLUDED.action, reason = EXCLUDED.reason, at = EXCLUDED.at
        WHERE a.action = 'warned' AND EXCLUDED.action <> 'warned' RETURNING 1)
     UPDATE perdure.sweeps
        SET counts = jsonb_strip_nulls(
              counts || jsonb_build_object('warned', nullif(coalesce((counts ->> 'warned')::integer, 0) - warned.n, 0))
                     || jsonb_build_object($4::text, coalesce((counts ->> $4::text)::integer, 0) + 1))
       FROM warned
      WHERE sweep_id = $1 AND EXISTS (SELECT FROM noted)`,
    [sweepId, key.user, key.session, action, reason],
  );
}

/** The range of sessions in one page of a sweep, ordered by user and session. */
export interface SweepPageBounds {
  /** The last session of the previous page; null for the first page. */
  readonly after: SessionPosition | null;
  /** The last session of this page; null when it is empty. */
  readonly last: SessionPosition | null;
  /** Whether another page follows. */
  readonly more: boolean;
}

/** User and session id. */
export type SessionPosition = readonly [string, string];

/** For workers: reads the bounds of a sweep's current page; null before the first. */
export async function readSweepPage(db: Db, sweepId: string): Promise<SweepPageBounds | null> {
  const [found] = await db.query<{ page: SweepPageBounds | null }>(
    `SELECT page FROM perdure.sweeps WHERE sweep_id = $1`,
    [sweepId],
  );
  return found?.page ?? null;
}

/** For workers: records the bounds of a sweep's current page and adds to the number of sessions seen. */
export async function beginPage(db: Db, sweepId: string, page: SweepPageBounds, seen: number): Promise<void> {
  await db.query(`UPDATE perdure.sweeps SET page = $2, seen = seen + $3 WHERE sweep_id = $1`, [
    sweepId,
    JSON.stringify(page),
    seen,
  ]);
}

/** For workers: marks a sweep as ended. `kept`: what providers keep of deleted sessions. Default: nothing. */
export async function endSweep(db: Db, sweepId: string, kept: KeptConversations | null = null): Promise<void> {
  await db.query(
    `UPDATE perdure.sweeps SET ended_at = clock_timestamp(), kept_conversations = $2::json
      WHERE sweep_id = $1 AND ended_at IS NULL`,
    [sweepId, kept && JSON.stringify(kept)],
  );
}
