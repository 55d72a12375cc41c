import { PerdureError } from '../../contracts/errors.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';

/**
 * A claim that was not renewed for so long belongs to a process that died or lost the store. Transactions that renew take
 * milliseconds.
 */
export const CLAIM_MS = 15_000;

/** SQL condition: the rows of the session that the row `r` belongs to are not part of it yet, or no longer. */
export const isClaimed = (r: string): string =>
  `EXISTS (SELECT FROM perdure.row_claims k WHERE k.user_id = ${r}.user_id AND k.session_id = ${r}.session_id)`;

/**
 * Claims the rows of a session that does not exist or is archived. The caller holds the session's lock, or
 * {@link lockAbsentSession}. The events that an archived session has are not among them. Returns null while another holder
 * renews its claim. `abandoned`: the rows of a holder that died are still there.
 */
export async function claimRows(
  tx: Tx,
  key: SessionKey,
  holder: string,
): Promise<{ readonly abandoned: boolean } | null> {
  const [claim] = await tx.query<{ abandoned: boolean }>(
    `INSERT INTO perdure.row_claims AS k (user_id, session_id, holder, own_from, renewed_at)
     VALUES ($1, $2, $3, (SELECT min(seq) FROM perdure.events WHERE user_id = $1 AND session_id = $2), clock_timestamp())
         ON CONFLICT (user_id, session_id) DO UPDATE SET holder = EXCLUDED.holder, renewed_at = EXCLUDED.renewed_at
      WHERE k.renewed_at < clock_timestamp() - make_interval(secs => $4::float8 / 1000)
     RETURNING xmax <> 0 AS abandoned`,
    [key.user, key.session, holder, CLAIM_MS],
  );
  return claim ?? null;
}

/** Until the transaction ends, no session is created under the key. Call it after {@link claimRows}, then check that there is none. */
export async function lockAbsentSession(tx: Tx, { user, session }: SessionKey): Promise<void> {
  await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('perdure rows ' || $1::text || ' ' || $2::text, 0))`, [
    user,
    session,
  ]);
}

/** Takes the claim from whoever holds it, for all rows of a session whose lock the transaction holds. */
export async function seizeRows(tx: Tx, key: SessionKey, holder: string): Promise<void> {
  await tx.query(
    `INSERT INTO perdure.row_claims (user_id, session_id, holder, renewed_at) VALUES ($1, $2, $3, clock_timestamp())
         ON CONFLICT (user_id, session_id) DO UPDATE
        SET holder = EXCLUDED.holder, renewed_at = EXCLUDED.renewed_at, own_from = NULL`,
    [key.user, key.session, holder],
  );
}

/** Begins every transaction that writes claimed rows: until it ends, nobody takes the claim over. Throws `store_unavailable` if it was. */
export async function renewClaim(tx: Tx, key: SessionKey, holder: string): Promise<void> {
  const renewed = await tx.query(
    `UPDATE perdure.row_claims SET renewed_at = clock_timestamp()
      WHERE user_id = $1 AND session_id = $2 AND holder = $3 RETURNING 1`,
    [key.user, key.session, holder],
  );
  if (renewed.length === 0) throw rowsClaimed(key);
}

/** Makes the rows part of the session again, or of nothing. Returns false when the holder does not hold the claim; `holder` null: whoever holds it. */
export async function releaseClaim(tx: Tx, key: SessionKey, holder: string | null): Promise<boolean> {
  const released = await tx.query(
    `DELETE FROM perdure.row_claims
      WHERE user_id = $1 AND session_id = $2 AND ($3::text IS NULL OR holder = $3) RETURNING 1`,
    [key.user, key.session, holder],
  );
  return released.length > 0;
}

/** Throws `store_unavailable` when the key of a session that does not exist is claimed. */
export async function refuseClaimed(tx: Tx, key: SessionKey): Promise<void> {
  const found = await tx.query(`SELECT 1 FROM perdure.row_claims WHERE user_id = $1 AND session_id = $2`, [
    key.user,
    key.session,
  ]);
  if (found.length > 0) throw rowsClaimed(key);
}

/** The `store_unavailable` error for a session that another request is about to create, restore or delete. */
export function rowsClaimed({ session }: SessionKey): PerdureError {
  return new PerdureError(
    'store_unavailable',
    `The session ${JSON.stringify(session)} is being imported, restored or deleted. Send the request again.`,
    { retryAfterMs: 1_000 },
  );
}
