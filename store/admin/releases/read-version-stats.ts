import type { VersionStats } from '../../../contracts/admin/agent-release.ts';
import type { Tx } from '../../db/db.ts';

/** Versions that are read: the ones offered last. */
const MAX_VERSIONS = 20;

/** For operators: reads the versions of an agent, the one offered last first, with the runs of all users in the last days. */
export async function readVersionStats(db: Tx, agent: string, days: number): Promise<VersionStats[]> {
  return await db.query<VersionStats>(
    `WITH versions AS (
       SELECT hash, saved_at FROM perdure.agent_versions WHERE spec->>'name' = $1
        ORDER BY saved_at DESC, hash LIMIT ${MAX_VERSIONS})
     SELECT v.hash AS version, v.saved_at AS "offeredAt",
            count(DISTINCT r.user_id)::int AS users, count(r.run_id)::int AS runs,
            count(*) FILTER (WHERE r.status = 'completed')::int AS completed,
            count(*) FILTER (WHERE r.status = 'failed')::int AS failed,
            count(*) FILTER (WHERE r.status = 'cancelled')::int AS cancelled,
            (avg(r.active_ms) FILTER (WHERE r.ended_at IS NOT NULL))::float8 AS "meanMs",
            (avg(r.steps) FILTER (WHERE r.ended_at IS NOT NULL))::float8 AS "meanSteps",
            coalesce(sum(r.cost_nanos), 0)::float8 / 1e9 AS "costUsd",
            coalesce(sum(r.unpriced_calls), 0)::int AS "unpricedCalls"
       FROM versions v
       LEFT JOIN perdure.runs r
         ON r.agent = $1 AND r.agent_version = v.hash AND r.created_at > now() - make_interval(days => $2)
      GROUP BY v.hash, v.saved_at
      ORDER BY v.saved_at DESC, v.hash`,
    [agent, days],
  );
}
