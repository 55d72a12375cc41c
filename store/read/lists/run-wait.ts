const sameRun = (a: string, r: string): string =>
  `${a}.user_id = ${r}.user_id AND ${a}.session_id = ${r}.session_id AND ${a}.run_id = ${r}.run_id`;

/** SQL condition: the pause `p` covers the runs of the user and the agent of the run `r`. */
const covers = (r: string): string =>
  `(p.kind = 'all' OR (p.kind = 'agent' AND p.name = ${r}.agent) OR (p.kind = 'user' AND p.name = ${r}.user_id))`;

/**
 * SQL for a lateral subquery with what the open run `r` waits for and since when: one row `(what, since)` with the values of
 * `runWaitSchema`, `since` in whole milliseconds. As `waitingFor` of a session's snapshot, for each run on its own.
 */
export const waitOf = (r: string): string => `
  (SELECT w.what, date_trunc('milliseconds', greatest(w.since, ${r}.created_at)) AS since
     FROM (SELECT 1 AS place, i.kind AS what, i.requested_at AS since
             FROM perdure.inbox i WHERE ${sameRun('i', r)} AND i.status = 'pending'
           UNION ALL
           SELECT CASE WHEN p.since IS NULL THEN 3 ELSE 2 END, CASE WHEN p.since IS NULL THEN 'tool' ELSE 'paused' END,
                  greatest(coalesce(c.started_at, ${r}.started_at), p.since)
             FROM perdure.tool_calls c
             LEFT JOIN perdure.pauses p ON p.kind = 'tool' AND p.name = c.tool AND NOT p.refuses AND c.status = 'pending'
            WHERE ${sameRun('c', r)} AND c.status IN ('pending', 'running', 'waiting')
           UNION ALL
           SELECT 4, 'model', m.started_at FROM perdure.model_calls m
            WHERE ${r}.status = 'running' AND ${sameRun('m', r)} AND m.outcome = 'running'
           UNION ALL
           SELECT 5, 'paused', p.since FROM perdure.pauses p
            WHERE (${r}.status = 'queued' AND ${covers(r)})
               OR (${r}.status = 'running' AND p.stops AND ${covers(r)})
               OR (${r}.status = 'running' AND p.kind = 'provider' AND p.name = split_part(${r}.model, '/', 1))
           UNION ALL
           SELECT 6, h.kind, h.started_at FROM perdure.waits h
            WHERE ${r}.status = 'running' AND ${sameRun('h', r)} AND h.ended_at IS NULL
           UNION ALL
           SELECT 7, CASE WHEN ${r}.status = 'queued' AND EXISTS (
                            SELECT FROM perdure.runs o
                             WHERE o.user_id = ${r}.user_id AND o.session_id = ${r}.session_id
                               AND o.status IN ('queued', 'running', 'waiting')
                               AND (o.status = 'running' OR (o.status = 'waiting' AND o.holds_queue)
                                    OR (o.status = 'queued' AND o.ordinal < ${r}.ordinal)))
                          THEN 'queue' ELSE 'worker' END,
                  CASE WHEN ${r}.status = 'queued' THEN ${r}.created_at ELSE coalesce(${r}.started_at, ${r}.created_at) END
          ) w
    ORDER BY w.place, w.since LIMIT 1)`;
