import type { Tx } from '../../db/db.ts';

/** A worker process that was seen within the last day. Times are ISO 8601 UTC. */
export interface WorkerRecord {
  readonly workerId: string;
  readonly version: string;
  readonly startedAt: string;
  readonly renewedAt: string;
  readonly expiresAt: string;
  /** Whether it takes work: its lease has not expired and it is not draining. */
  readonly takesWork: boolean;
}

/** For operators: reads the workers of a task queue, the ones seen last first. */
export async function readWorkers(db: Tx, taskQueue: string): Promise<WorkerRecord[]> {
  const rows = await db.query<WorkerRecord>(
    `SELECT worker_id AS "workerId", version, started_at AS "startedAt", renewed_at AS "renewedAt",
            expires_at AS "expiresAt", expires_at > clock_timestamp() AND draining_at IS NULL AS "takesWork"
       FROM perdure.workers
      WHERE task_queue = $1
      ORDER BY renewed_at DESC, worker_id`,
    [taskQueue],
  );
  return rows.map((row) => ({
    ...row,
    startedAt: iso(row.startedAt),
    renewedAt: iso(row.renewedAt),
    expiresAt: iso(row.expiresAt),
  }));
}

function iso(time: string): string {
  return new Date(time).toISOString();
}
