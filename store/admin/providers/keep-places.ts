import { LIMITS } from '../../../contracts/limits.ts';
import type { Db } from '../../db/db.ts';

/** For workers: keeps the places of calls that are going. */
export async function keepPlaces(db: Db, placeIds: readonly string[]): Promise<void> {
  await db.query(
    `UPDATE perdure.provider_places SET expires_at = clock_timestamp() + make_interval(secs => $2)
      WHERE place_id IN (SELECT json_array_elements_text($1::json))`,
    [JSON.stringify(placeIds), LIMITS.providerPlaceMs.value / 1_000],
  );
}
