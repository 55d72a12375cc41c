import type { KeptConversations } from '../../../contracts/maintenance.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import type { Db } from '../../db/db.ts';
import { countErased } from '../erasure/erasures.ts';

/** Something that a provider keeps of a deleted session. */
export interface KeptDeletion {
  /** `provider/model`. */
  readonly model: string;
  readonly kind: 'response' | 'conversation';
  readonly id: string;
  /** Of this request, from 1. */
  readonly attempt: number;
}

/** Before the second request; doubled after each one. */
const FIRST_DELAY_MS = 60_000;
const MAX_DELAY_MS = 6 * 3_600_000;

/**
 * For workers: claims deletions that are due. Each is due again after a delay that grows, if its outcome is not recorded before, as when the
 * worker is lost. Safe to run concurrently.
 */
export async function claimKeptDeletions(db: Db, limit: number): Promise<KeptDeletion[]> {
  return await db.query<KeptDeletion>(
    `UPDATE perdure.kept_conversations k
        SET attempts = attempts + 1,
            due_at = clock_timestamp() + make_interval(secs => least($2::float8 * power(2, least(attempts, 20)), $3::float8) / 1000)
      WHERE (model, kind, conversation_id) IN
            (SELECT d.model, d.kind, d.conversation_id FROM perdure.kept_conversations d
              WHERE d.due_at <= clock_timestamp() ORDER BY d.due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
     RETURNING k.model, k.kind, k.conversation_id AS id, k.attempts AS attempt`,
    [limit, FIRST_DELAY_MS, MAX_DELAY_MS],
  );
}

/** Records that a provider has deleted it, or has not had it, also in the report of the erasure that it was deleted for. */
export async function forgetKept(db: Db, { model, kind, id }: KeptDeletion): Promise<void> {
  await db.transaction(async (tx) => {
    const [gone] = await tx.query<{ erasureId: string | null }>(
      `DELETE FROM perdure.kept_conversations
        WHERE model = $1 AND kind = $2 AND conversation_id = $3 AND user_id IS NULL RETURNING erasure_id AS "erasureId"`,
      [model, kind, id],
    );
    if (gone?.erasureId) await countErased(tx, gone.erasureId, { 'providers.conversations': 1 });
  });
}

/** Records a failed request. After the last one, or one that would fail again, the deletion is given up. Returns whether it is. */
export async function failKeptDeletion(
  db: Db,
  { model, kind, id, attempt }: KeptDeletion,
  { error, retryable }: { readonly error: string; readonly retryable: boolean },
): Promise<boolean> {
  const givesUp = !retryable || attempt >= LIMITS.keptDeletionAttempts.value;
  await db.query(
    `UPDATE perdure.kept_conversations SET error = $4, due_at = CASE WHEN $5::boolean THEN NULL ELSE due_at END
      WHERE model = $1 AND kind = $2 AND conversation_id = $3 AND user_id IS NULL`,
    [model, kind, id, error, givesUp],
  );
  return givesUp;
}

/** Counts what is left to be deleted, and what was given up, of all users. */
export async function countKeptDeletions(db: Db): Promise<Omit<KeptConversations, 'deleted'>> {
  const [row] = await db.query<{ pending: number; givenUp: number }>(
    `SELECT (count(*) FILTER (WHERE due_at IS NOT NULL))::integer AS pending,
            (count(*) FILTER (WHERE due_at IS NULL))::integer AS "givenUp"
       FROM perdure.kept_conversations WHERE user_id IS NULL`,
    [],
  );
  return row ?? { pending: 0, givenUp: 0 };
}
