import { v7 as uuidv7 } from 'uuid';
import type { AuditEntry } from '../../../contracts/admin/audit.ts';
import type { Tx } from '../../db/db.ts';

export interface NewAuditEntry extends Pick<AuditEntry, 'actor' | 'action' | 'user' | 'sessionId' | 'runId'> {
  readonly subject?: string | undefined;
}

/**
 * For operators: adds an entry to the audit trail. Entries are added one at a time: in a transaction, call it last, because
 * other entries wait until the transaction ends.
 */
export async function appendAudit(
  tx: Tx,
  { actor, action, user, sessionId, runId, subject }: NewAuditEntry,
): Promise<void> {
  await tx.query(
    `INSERT INTO perdure.audit (audit_id, at, actor, action, user_id, session_id, run_id, subject)
     VALUES ($1, date_trunc('milliseconds', clock_timestamp()), $2, $3, $4, $5, $6, $7)`,
    [uuidv7(), actor, action, user, sessionId, runId, subject ?? null],
  );
}
