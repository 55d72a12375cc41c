import type { ApiKey } from '../../../contracts/identity/api-key.ts';
import type { Db } from '../../db/db.ts';

/** An API key that is not revoked. It may have expired. */
export interface FoundApiKey extends Pick<ApiKey, 'id' | 'user' | 'role' | 'expiresAt'> {
  /** SHA-256 of the key, in hexadecimal. */
  readonly hash: string;
}

/** For gateways: the API keys with these hashes or ids that are not revoked. */
export async function findApiKeys(
  db: Db,
  { hashes, ids }: { readonly hashes: readonly string[]; readonly ids: readonly string[] },
): Promise<FoundApiKey[]> {
  return await db.query<FoundApiKey>(
    `SELECT key_id AS id, encode(key_hash, 'hex') AS hash, user_id AS user, role, expires_at AS "expiresAt"
       FROM perdure.api_keys
      WHERE (key_hash = ANY (ARRAY(SELECT decode(value, 'hex') FROM jsonb_array_elements_text($1::jsonb)))
             OR key_id = ANY (ARRAY(SELECT value FROM jsonb_array_elements_text($2::jsonb))))
        AND revoked_at IS NULL`,
    [JSON.stringify(hashes), JSON.stringify(ids)],
  );
}

/** For gateways: records that a key was used now, unless a use in the last minute is recorded, or another gateway is recording one. */
export async function recordApiKeyUse(db: Db, id: string): Promise<void> {
  await db.query(
    `UPDATE perdure.api_keys SET last_used_at = date_trunc('milliseconds', clock_timestamp())
      WHERE key_id = (
            SELECT key_id FROM perdure.api_keys
             WHERE key_id = $1 AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute')
               FOR UPDATE SKIP LOCKED)`,
    [id],
  );
}
