import { LINK_COLUMNS, linkOf, type ChildLink } from '../../children/read-children.ts';
import type { Db } from '../../db/db.ts';

/**
 * What remains to be done for a child. `start`: it was not admitted, or its workflow not started. `handOver`: its end. `stop`: nobody
 * waits for it any more. `delete`: its parent's session was deleted.
 */
export interface UnfinishedChild {
  readonly link: ChildLink;
  readonly todo: 'start' | 'handOver' | 'stop' | 'delete';
}

/** For workers: children of all users for which something has remained to be done for `quietForMs`, the oldest first. */
export async function listUnfinishedChildren(
  db: Db,
  { quietForMs, limit }: { readonly quietForMs: number; readonly limit: number },
): Promise<UnfinishedChild[]> {
  const rows = await db.query<Parameters<typeof linkOf>[0] & { todo: UnfinishedChild['todo'] }>(
    `SELECT * FROM (
       SELECT ${LINK_COLUMNS}, c.noted_at,
              CASE WHEN c.status = 'starting' AND c.noted_at < q.before THEN 'start'
                   WHEN c.status = 'running' AND (r.run_id IS NULL OR r.ended_at < q.before) THEN 'handOver'
                   WHEN c.status = 'running' AND r.ended_at IS NULL AND t.status IS DISTINCT FROM 'waiting'
                        AND coalesce(t.ended_at, c.noted_at) < q.before THEN 'stop'
                   WHEN c.status = 'orphaned' THEN CASE WHEN r.ended_at IS NULL AND r.run_id IS NOT NULL THEN 'stop' ELSE 'delete' END
              END AS todo
         FROM (SELECT clock_timestamp() - make_interval(secs => $1::float8 / 1000) AS before) q, perdure.child_runs c
         LEFT JOIN perdure.runs r ON r.user_id = c.user_id AND r.session_id = c.child_id AND r.run_id = c.child_id
         LEFT JOIN perdure.tool_calls t ON t.user_id = c.user_id AND t.session_id = c.session_id
                                       AND t.run_id = c.run_id AND t.call_id = c.call_id
        WHERE c.status <> 'ended') AS c
      WHERE todo IS NOT NULL
      ORDER BY noted_at
      LIMIT $2`,
    [quietForMs, limit],
  );
  return rows.map(({ todo, ...row }) => ({ link: linkOf(row), todo }));
}
