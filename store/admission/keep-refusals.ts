import { LIMITS } from '../../contracts/limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import { sanitizeJson } from '../db/sanitize.ts';

/**
 * Keeps refusals by message id, of sessions that do not exist too. The newest refusal of an id replaces the one before. Removes
 * the user's refusals that are too old or too many (`LIMITS`).
 */
export async function keepRefusals(
  tx: Tx,
  { user, session }: SessionKey,
  refusals: readonly { readonly messageId: string | null; readonly code: string; readonly detail: string }[],
): Promise<void> {
  const rows = new Map(
    refusals.flatMap(({ messageId: id, code, detail }) => (id === null ? [] : [[id, { id, code, detail }] as const])),
  );
  if (rows.size === 0) return;
  await tx.query(
    `INSERT INTO perdure.message_refusals (user_id, session_id, message_id, code, detail, refused_at)
     SELECT $1, $2, r->>'id', r->>'code', r->>'detail', clock_timestamp() FROM json_array_elements($3::json) r
         ON CONFLICT (user_id, session_id, message_id) DO UPDATE
        SET code = EXCLUDED.code, detail = EXCLUDED.detail, refused_at = EXCLUDED.refused_at`,
    [user, session, sanitizeJson([...rows.values()]).text],
  );
  await tx.query(
    `DELETE FROM perdure.message_refusals
      WHERE user_id = $1 AND (refused_at < clock_timestamp() - make_interval(secs => $2) OR refused_at < (
            SELECT refused_at FROM perdure.message_refusals
             WHERE user_id = $1 ORDER BY refused_at DESC OFFSET $3 LIMIT 1))`,
    [user, LIMITS.refusalsKeptMs.value / 1_000, LIMITS.refusalsKept.value - 1],
  );
}
