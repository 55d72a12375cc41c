import { setImmediate } from 'node:timers/promises';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db, Tx } from '../db/db.ts';
import { releaseClaim, renewClaim } from './row-claims.ts';
import { SESSION_TABLES, type SessionTable } from './session-tables.ts';

/** Rows that one transaction deletes at most. A few milliseconds, also where they are large. */
export const ROWS_PER_PIECE = 250;

/** The tables whose rows belong to a session, with those that a document does not contain. */
const TABLES: readonly SessionTable[] = [
  ...SESSION_TABLES,
  { name: 'imported_agent_versions', order: 'hash' },
  { name: 'provider_tickets', order: 'run_id' },
  { name: 'approval_rules', order: 'rule_id' },
];

/**
 * Without table statistics the planner would read and sort all rows of the session for each piece. In the order of the key,
 * it reads those of the piece.
 */
const READ_BY_KEY = `SELECT set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true)`;

/** Deletes the rows of a session whose lock the transaction holds, at once. */
export async function deleteRowsAtOnce(tx: Tx, key: SessionKey): Promise<void> {
  for (const { name } of TABLES) {
    await tx.query(`DELETE FROM perdure.${name} WHERE user_id = $1 AND session_id = $2`, [key.user, key.session]);
  }
}

/**
 * Deletes the rows that `holder` has claimed and releases the claim, in one transaction after the other, so that others have
 * their turn between them: the embedded store has a single connection. Throws `store_unavailable` when the claim is not
 * held (any more).
 */
export async function deleteClaimedRows(db: Db, key: SessionKey, holder: string): Promise<void> {
  await deleteAbandonedRows(db, key, holder);
  await db.transaction(async (tx) => {
    await renewClaim(tx, key, holder);
    await releaseClaim(tx, key, holder);
  });
}

/** Like {@link deleteClaimedRows}, but keeps the claim: for a holder who will insert rows. */
export async function deleteAbandonedRows(db: Db, key: SessionKey, holder: string): Promise<void> {
  for (const { name, order } of TABLES) {
    // The newest events first: a reader that is still on its way through them sees no gap.
    const by = name === 'events' ? `t.${order} DESC` : order;
    const claimed = name === 'events' ? `AND (k.own_from IS NULL OR t.seq < k.own_from)` : '';
    let deleted = ROWS_PER_PIECE;
    while (deleted === ROWS_PER_PIECE) {
      deleted = await db.transaction(async (tx) => {
        await renewClaim(tx, key, holder);
        await tx.query(READ_BY_KEY, []);
        const rows = await tx.query(
          `DELETE FROM perdure.${name}
            WHERE ctid = ANY (ARRAY(
                  SELECT t.ctid FROM perdure.${name} t, perdure.row_claims k
                   WHERE t.user_id = $1 AND t.session_id = $2 AND k.user_id = $1 AND k.session_id = $2 ${claimed}
                   ORDER BY ${by} LIMIT ${ROWS_PER_PIECE}))
           RETURNING 1`,
          [key.user, key.session],
        );
        return rows.length;
      });
      // The embedded store runs statements on this thread.
      await setImmediate();
    }
  }
}
