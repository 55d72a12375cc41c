import { hash, randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { PerdureError } from '../../../contracts/errors.ts';
import type { ApiKey, CreateApiKey, CreatedApiKey } from '../../../contracts/identity/api-key.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { sessionKey } from '../../../contracts/session/session-key.ts';
import { formatApiKey, hintOf } from '../../../core/identity/api-key-format.ts';
import type { Db } from '../../db/db.ts';
import { appendAudit } from '../audit/append-audit.ts';
import { API_KEY_COLUMNS } from './api-key-row.ts';

/** The hash under which a key is stored. */
export function apiKeyHash(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

/**
 * For operators: creates an API key, and adds an entry to the audit trail. Only the result has the key itself. Throws
 * `invalid_request` for an invalid user or a time that has passed, and `rate_limited` for a user with too many keys.
 */
export async function createApiKey(
  db: Db,
  { user, role = 'user', name = '', expiresAt }: CreateApiKey,
  actor: string,
): Promise<CreatedApiKey> {
  const owner = sessionKey(user, 'any').user;
  if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.now()) {
    throw new PerdureError('invalid_request', `The API key would expire at ${expiresAt}, which has passed.`);
  }
  const key = formatApiKey(randomBytes(32));
  const id = uuidv7();
  const created = await db.transaction(async (tx) => {
    // Serialises the creations of one user, for the limit.
    await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('perdure api keys ' || $1, 0))`, [owner]);
    const [active] = await tx.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM perdure.api_keys
        WHERE user_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())`,
      [owner],
    );
    if ((active?.count ?? 0) >= LIMITS.apiKeysPerUser.value) throw tooMany(owner);
    const [row] = await tx.query<ApiKey>(
      `INSERT INTO perdure.api_keys (key_id, key_hash, hint, name, user_id, role, created_at, created_by, expires_at)
       VALUES ($1, decode($2, 'hex'), $3, $4, $5, $6, date_trunc('milliseconds', clock_timestamp()), $7, $8)
       RETURNING ${API_KEY_COLUMNS}`,
      [id, apiKeyHash(key).toString('hex'), hintOf(key), name, owner, role, actor, expiresAt ?? null],
    );
    await appendAudit(tx, { actor, action: 'keys.create', user: owner, sessionId: null, runId: null, subject: id });
    return row as ApiKey;
  });
  return { ...created, key };
}

function tooMany(user: string): PerdureError {
  return new PerdureError(
    'rate_limited',
    `${JSON.stringify(user)} has ${LIMITS.apiKeysPerUser.value} API keys, which is the limit. Revoke one that is not used.`,
  );
}
