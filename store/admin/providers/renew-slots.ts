import { LIMITS } from '../../../contracts/limits.ts';
import type { Db } from '../../db/db.ts';

/** Extends the expiry of slots whose calls are in progress. For workers. */
export async function renewSlots(db: Db, slotIds: readonly string[]): Promise<void> {
  await db.query(
    `UPDATE perdure.provider_places SET expires_at = clock_timestamp() + make_interval(secs => $2)
      WHERE place_id IN (SELECT json_array_elements_text($1::json))`,
    [JSON.stringify(slotIds), LIMITS.providerPlaceMs.value / 1_000],
  );
}
