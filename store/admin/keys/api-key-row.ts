/** The columns of an `ApiKey` of the contracts. */
export const API_KEY_COLUMNS = `key_id AS id, name, user_id AS user, role, hint, created_at AS "createdAt", created_by AS "createdBy",
  expires_at AS "expiresAt", last_used_at AS "lastUsedAt", revoked_at AS "revokedAt", revoked_by AS "revokedBy"`;
