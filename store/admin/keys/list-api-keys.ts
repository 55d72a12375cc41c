import type { ApiKey } from '../../../contracts/identity/api-key.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { positionIn } from '../../db/cursor.ts';
import type { Db } from '../../db/db.ts';
import { cutPage, pageSize } from '../../db/page.ts';
import { API_KEY_COLUMNS } from './api-key-row.ts';

export interface ApiKeyFilter {
  /** Null: of all users. */
  readonly user: string | null;
  /** Whether to include keys that are revoked or expired. */
  readonly ended: boolean;
}

/** For operators: lists API keys, newest first. Throws `invalid_request` for an invalid cursor. */
export async function listApiKeys(
  db: Db,
  { user, ended }: ApiKeyFilter,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<{ readonly data: ApiKey[]; readonly nextCursor: string | null }> {
  const limit = pageSize(page.limit, LIMITS.apiKeysPerPage.value);
  const [at, id] = page.cursor === undefined ? [null, null] : positionIn(page.cursor, ['time', 'string']);
  const rows = await db.query<ApiKey>(
    `SELECT ${API_KEY_COLUMNS} FROM perdure.api_keys
      WHERE ($1::text IS NULL OR user_id = $1)
        AND ($2 OR (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())))
        AND ($3::timestamptz IS NULL OR (created_at, key_id) < ($3, $4))
      ORDER BY created_at DESC, key_id DESC LIMIT $5`,
    [user, ended, at, id, limit + 1],
  );
  const { page: data, nextCursor } = cutPage(rows, limit, (last) => [last.createdAt, last.id]);
  return { data, nextCursor };
}
