import type { AuditAction, AuditEntry, AuditPage } from '../../../contracts/admin/audit.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { positionIn } from '../../db/cursor.ts';
import type { Db } from '../../db/db.ts';
import { cutPage, pageSize } from '../../db/page.ts';

/** Which entries to read. Null is no restriction; days are UTC, `YYYY-MM-DD`, both inclusive. */
export interface AuditFilter {
  /** The user whose data entries concern. Entries that concern all users match every user. */
  readonly user: string | null;
  readonly actor: string | null;
  readonly action: AuditAction | null;
  readonly session: string | null;
  readonly from: string | null;
  readonly to: string | null;
}

/** For operators, and for a user about the user's own data: reads the audit trail, newest first. Throws `invalid_request` for an invalid cursor. */
export async function readAudit(
  db: Db,
  { user, actor, action, session, from, to }: AuditFilter,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<AuditPage> {
  const limit = pageSize(page.limit, LIMITS.auditEntriesPerPage.value);
  const [at, id] = page.cursor === undefined ? [null, null] : positionIn(page.cursor, ['time', 'string']);
  const rows = await db.query<AuditEntry>(
    `SELECT audit_id AS id, at, actor, action, user_id AS user, session_id AS "sessionId", run_id AS "runId",
            subject, seq::float8 AS seq, encode(hash, 'hex') AS hash, encode(previous_hash, 'hex') AS "previousHash"
       FROM perdure.audit
      WHERE ($1::text IS NULL OR user_id = $1 OR user_id IS NULL)
        AND ($2::text IS NULL OR actor = $2)
        AND ($3::text IS NULL OR action = $3)
        AND ($4::text IS NULL OR session_id = $4)
        AND ($5::date IS NULL OR at >= $5::date::timestamp AT TIME ZONE 'UTC')
        AND ($6::date IS NULL OR at < ($6::date + 1)::timestamp AT TIME ZONE 'UTC')
        AND ($7::timestamptz IS NULL OR (at, audit_id) < ($7, $8))
      ORDER BY at DESC, audit_id DESC LIMIT $9`,
    [user, actor, action, session, from, to, at, id, limit + 1],
  );
  const { page: data, nextCursor } = cutPage(rows, limit, (last) => [last.at, last.id]);
  return { data, nextCursor };
}
