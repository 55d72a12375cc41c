import { LIMITS } from '../../../contracts/limits.ts';
import type { BegunRuns } from '../../../core/load/load-window.ts';
import type { Db, Tx } from '../../db/db.ts';

/** Rows of workers that were seen last before this are removed. */
const KEPT_HOURS = 24;

/** A worker process. */
export interface WorkerLease {
  /** Its identity in Temporal. */
  readonly workerId: string;
  readonly taskQueue: string;
  /** The version of Perdure. */
  readonly version: string;
  /** Its build, with Temporal's worker versioning. */
  readonly buildId?: string | undefined;
  /** What it has begun since it was started. */
  readonly begun: BegunRuns;
}

/** For workers: takes or extends the lease of a worker. `draining`: it takes no more work. */
export async function renewWorkerLease(
  db: Tx,
  { workerId, taskQueue, version, buildId, begun, draining }: WorkerLease & { readonly draining: boolean },
): Promise<void> {
  await db.query(
    `INSERT INTO perdure.workers AS w (worker_id, task_queue, version, started_at, renewed_at, expires_at, draining_at, begun, build_id)
     SELECT $1, $2, $3, at, at, at + make_interval(secs => $4), CASE WHEN $5::boolean THEN at END, $6::jsonb, $7
       FROM (SELECT clock_timestamp() AS at) AS now
         ON CONFLICT (worker_id) DO UPDATE
        SET renewed_at = EXCLUDED.renewed_at, expires_at = EXCLUDED.expires_at, begun = EXCLUDED.begun,
            draining_at = coalesce(w.draining_at, EXCLUDED.draining_at), taken_over_at = NULL`,
    [
      workerId,
      taskQueue,
      version,
      LIMITS.workerLeaseMs.value / 1_000,
      draining,
      JSON.stringify(begun),
      buildId ?? null,
    ],
  );
}

/** For workers: ends the lease of a worker that has stopped. Its row remains for a day. */
export async function endWorkerLease(db: Db, workerId: string): Promise<void> {
  await db.query(
    `UPDATE perdure.workers
        SET expires_at = clock_timestamp(), draining_at = coalesce(draining_at, clock_timestamp())
      WHERE worker_id = $1`,
    [workerId],
  );
}

/** For the process that has an embedded store: ends the leases of all other processes, which have ended. Its own workers' identities begin with `thisProcess`. */
export async function endLeasesOfOthers(db: Db, thisProcess: string): Promise<void> {
  await db.query(
    `UPDATE perdure.workers SET expires_at = clock_timestamp()
      WHERE NOT starts_with(worker_id, $1) AND expires_at > clock_timestamp()`,
    [thisProcess],
  );
}

/** For workers: removes the rows of workers that were last seen more than a day ago. */
export async function removeOldWorkers(db: Db): Promise<void> {
  await db.query(
    `DELETE FROM perdure.workers
      WHERE expires_at < clock_timestamp() - make_interval(hours => ${KEPT_HOURS}) AND taken_over_at IS NOT NULL`,
    [],
  );
}
