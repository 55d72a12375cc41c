import { LIMITS } from '../../../contracts/limits.ts';
import type { KeptConversations, Sweep, SweepPage, SweepRecord } from '../../../contracts/maintenance.ts';
import { positionIn } from '../../db/cursor.ts';
import type { Db } from '../../db/db.ts';
import { cutPage, pageSize } from '../../db/page.ts';

interface PageRequest {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Lists clean-ups, newest first: those over one user's sessions, or for operators all of them (`owner` null). Throws `invalid_request` for an invalid cursor. */
export async function listSweeps(db: Db, owner: string | null, page: PageRequest): Promise<SweepPage> {
  const limit = pageSize(page.limit, LIMITS.sweepsPerPage.value);
  const [at, id] = page.cursor === undefined ? [null, null] : positionIn(page.cursor, ['time', 'string']);
  const rows = await db.query<RecordRow>(
    `SELECT ${RECORD} FROM perdure.sweeps
      WHERE ($1::text IS NULL OR user_id = $1) AND ($2::timestamptz IS NULL OR (started_at, sweep_id) < ($2, $3))
      ORDER BY started_at DESC, sweep_id DESC LIMIT $4`,
    [owner, at, id, limit + 1],
  );
  const { page: data, nextCursor } = cutPage(rows.map(recordOf), limit, (last) => [last.startedAt, last.id]);
  return { data, nextCursor };
}

/**
 * Reads a clean-up over one user's sessions, or for operators any (`owner` null), with a page of its actions. Null when
 * there is none. Throws `invalid_request` for an invalid cursor.
 */
export async function readSweep(
  db: Db,
  owner: string | null,
  id: string,
  page: PageRequest = { limit: LIMITS.sweepActionsPerPage.value },
): Promise<Sweep | null> {
  const limit = pageSize(page.limit, LIMITS.sweepActionsPerPage.value);
  const after = page.cursor === undefined ? [null, null] : positionIn(page.cursor, ['string', 'string']);
  const [sweep] = await db.query<RecordRow>(
    `SELECT ${RECORD} FROM perdure.sweeps WHERE sweep_id = $1 AND ($2::text IS NULL OR user_id = $2)`,
    [id, owner],
  );
  if (!sweep) return null;
  const rows = await db.query<Sweep['actions'][number]>(
    `SELECT user_id AS user, session_id AS session, action, reason, at FROM perdure.sweep_actions
      WHERE sweep_id = $1 AND ($2::text IS NULL OR (user_id, session_id) > ($2, $3))
      ORDER BY user_id, session_id LIMIT $4`,
    [id, ...after, limit + 1],
  );
  const { page: actions, nextCursor } = cutPage(rows, limit, (last) => [last.user, last.session]);
  return { ...recordOf(sweep), actions, nextCursor };
}

const RECORD = `sweep_id AS id, user_id AS user, started_at AS "startedAt", ended_at AS "endedAt", dry_run AS "dryRun",
                seen, counts, kept_conversations AS "keptConversations"`;

/** A record without what it does not have. */
function recordOf({ keptConversations, ...record }: RecordRow): SweepRecord {
  return { ...record, ...(keptConversations === null ? {} : { keptConversations }) };
}

type RecordRow = Omit<SweepRecord, 'keptConversations'> & { readonly keptConversations: KeptConversations | null };
