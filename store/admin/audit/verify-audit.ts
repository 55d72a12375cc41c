import type { AuditVerification } from '../../../contracts/admin/audit.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import {
  verifyChain,
  verifyHead,
  type AnchoredEntry,
  type ChainPosition,
  type RecordedHead,
  type VerifiedEntries,
} from '../../../core/audit/verify-chain.ts';
import type { Db } from '../../db/db.ts';

/** Entries read at a time. */
const PAGE = 1_000;

/**
 * For operators: verifies the entries of the audit trail after `start`, the last entry of the part before it or the beginning.
 * The hashes are computed here, not by the database, whose functions somebody with access to it can replace.
 */
export async function verifyAudit(db: Db, start: ChainPosition): Promise<AuditVerification> {
  let result: VerifiedEntries = { verified: 0, removed: 0, last: start, broken: null };
  while (result.verified < LIMITS.auditEntriesPerVerification.value) {
    const entries = await readEntries(db, result.last.seq);
    result = add(result, verifyChain(result.last, entries));
    if (result.broken !== null) return { ...result, complete: false };
    if (entries.length === PAGE) continue;
    const { newest, ...head } = await readHead(db);
    // Entries that were added meanwhile are the next part.
    if (newest > result.last.seq) return { ...result, complete: false };
    const ended = verifyHead(result, head);
    return { ...ended, complete: ended.broken === null };
  }
  return { ...result, complete: false };
}

function add(before: VerifiedEntries, part: VerifiedEntries): VerifiedEntries {
  return { ...part, verified: before.verified + part.verified, removed: before.removed + part.removed };
}

/** One statement, because the retention may run at the same time. */
async function readEntries(db: Db, after: number): Promise<AnchoredEntry[]> {
  return await db.query<AnchoredEntry>(
    `SELECT e.seq::float8 AS seq, e.audit_id AS id,
            to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
            e.actor, e.action, e.user_id AS user, e.session_id AS "sessionId", e.run_id AS "runId", e.subject,
            encode(e.previous_hash, 'hex') AS "previousHash", encode(e.hash, 'hex') AS hash,
            encode(a.hash, 'hex') AS anchor
       FROM perdure.audit e LEFT JOIN perdure.audit_anchors a ON a.seq = e.seq - 1
      WHERE e.seq > $1 ORDER BY e.seq LIMIT ${PAGE}`,
    [after],
  );
}

/** `newest`: the number of the newest entry that exists, 0 without one. */
async function readHead(db: Db): Promise<RecordedHead & { readonly newest: number }> {
  const [head] = await db.query<RecordedHead & { readonly newest: number }>(
    `SELECT h.seq::float8 AS seq, encode(h.hash, 'hex') AS hash, encode(a.hash, 'hex') AS anchor,
            coalesce((SELECT max(e.seq) FROM perdure.audit e), 0)::float8 AS newest
       FROM perdure.audit_head h LEFT JOIN perdure.audit_anchors a ON a.seq = h.seq`,
    [],
  );
  // Without its row the head is unknown, as if every entry had been removed.
  return head ?? { seq: -1, hash: '', anchor: null, newest: 0 };
}
