import type { Db } from '../../db/db.ts';

/** How long entries are kept, as stated in docs/operations.md. */
const AUDIT_RETENTION = '400 days';

/** For workers: deletes entries of the audit trail that are older than 400 days. The others can still be verified. */
export async function deleteOldAudit(db: Db): Promise<void> {
  await db.query(`SELECT perdure.remove_old_audit(clock_timestamp() - interval '${AUDIT_RETENTION}')`, []);
}
