import type { Tx } from '../../db/db.ts';

/** For workers: whether a worker of a build ran on a task queue within the last `lostForMs`. */
export async function hasBuild(
  db: Tx,
  {
    taskQueue,
    buildId,
    lostForMs,
  }: { readonly taskQueue: string; readonly buildId: string; readonly lostForMs: number },
): Promise<boolean> {
  const [row] = await db.query<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM perdure.workers
                     WHERE task_queue = $1 AND build_id = $2
                       AND expires_at > clock_timestamp() - make_interval(secs => $3::float8 / 1000)) AS found`,
    [taskQueue, buildId, lostForMs],
  );
  return row?.found === true;
}
