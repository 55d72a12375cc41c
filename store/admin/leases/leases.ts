import type { JsonObject } from '../../../contracts/json.ts';
import type { Db } from '../../db/db.ts';

/**
 * A lease: at most one holder at a time, until `ttlMs` after its last call of {@link acquireLease}. If the holder is a worker, by
 * its identity, the lease ends with the worker's own: a restarted process does not wait for the leases of the one that was killed.
 */
export interface LeaseRequest {
  readonly name: string;
  readonly holder: string;
  readonly ttlMs: number;
}

/** For workers: acquires or renews a lease. Returns its state, which is empty at first; null while another holder has it. */
export async function acquireLease(db: Db, { name, holder, ttlMs }: LeaseRequest): Promise<JsonObject | null> {
  const [lease] = await db.query<{ state: JsonObject }>(
    `INSERT INTO perdure.leases AS l (name, holder, expires_at, state)
     VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3::float8 / 1000), '{}')
         ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at
      WHERE l.holder = EXCLUDED.holder OR l.expires_at <= clock_timestamp() OR EXISTS (
            SELECT 1 FROM perdure.workers w WHERE w.worker_id = l.holder AND w.expires_at <= clock_timestamp())
     RETURNING state`,
    [name, holder, ttlMs],
  );
  return lease?.state ?? null;
}

/** Saves the state of a lease that `holder` still has. */
export async function saveLeaseState(
  db: Db,
  { name, holder }: Pick<LeaseRequest, 'name' | 'holder'>,
  state: JsonObject,
): Promise<void> {
  await db.query(`UPDATE perdure.leases SET state = $3 WHERE name = $1 AND holder = $2`, [
    name,
    holder,
    JSON.stringify(state),
  ]);
}

/** Ends a lease at once, and keeps its state. */
export async function releaseLease(db: Db, { name, holder }: Pick<LeaseRequest, 'name' | 'holder'>): Promise<void> {
  await db.query(`UPDATE perdure.leases SET expires_at = clock_timestamp() WHERE name = $1 AND holder = $2`, [
    name,
    holder,
  ]);
}

/** Reads the state of a lease, whoever holds it; null if it was never acquired. */
export async function readLeaseState(db: Db, name: string): Promise<JsonObject | null> {
  const [lease] = await db.query<{ state: JsonObject }>(`SELECT state FROM perdure.leases WHERE name = $1`, [name]);
  return lease?.state ?? null;
}

/** Removes a lease with its state. */
export async function deleteLease(db: Db, { name, holder }: Pick<LeaseRequest, 'name' | 'holder'>): Promise<void> {
  await db.query(`DELETE FROM perdure.leases WHERE name = $1 AND holder = $2`, [name, holder]);
}

/** The names of at most 100 leases that begin with `prefix` and have run out without being deleted. */
export async function listExpiredLeases(db: Db, prefix: string): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    `SELECT name FROM perdure.leases
      WHERE starts_with(name, $1) AND expires_at <= clock_timestamp() ORDER BY name LIMIT 100`,
    [prefix],
  );
  return rows.map(({ name }) => name);
}
