import { PerdureError } from '../../../contracts/errors.ts';
import type { ApiKey } from '../../../contracts/identity/api-key.ts';
import type { Db } from '../../db/db.ts';
import { appendAudit } from '../audit/append-audit.ts';
import { API_KEY_COLUMNS } from './api-key-row.ts';

/**
 * For operators: revokes an API key, and adds an entry to the audit trail. A key that is revoked already stays as it is. Throws
 * `not_found`.
 */
export async function revokeApiKey(db: Db, id: string, actor: string): Promise<ApiKey> {
  return await db.transaction(async (tx) => {
    const [revoked] = await tx.query<ApiKey>(
      `UPDATE perdure.api_keys SET revoked_at = date_trunc('milliseconds', clock_timestamp()), revoked_by = $2
        WHERE key_id = $1 AND revoked_at IS NULL RETURNING ${API_KEY_COLUMNS}`,
      [id, actor],
    );
    if (revoked !== undefined) {
      const { user } = revoked;
      await appendAudit(tx, { actor, action: 'keys.revoke', user, sessionId: null, runId: null, subject: id });
      return revoked;
    }
    const [before] = await tx.query<ApiKey>(`SELECT ${API_KEY_COLUMNS} FROM perdure.api_keys WHERE key_id = $1`, [id]);
    if (before !== undefined) return before;
    // Never quotes the id: somebody may have sent the key itself.
    throw new PerdureError(
      'not_found',
      'There is no API key with this id. List the ids with: perdure keys list, or GET /v1/keys',
    );
  });
}
