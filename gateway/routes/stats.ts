import { z } from 'zod';
import { daySchema } from '../../contracts/time.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { statsBySchema, statsPageSchema, type StatsPage } from '../../contracts/stats.ts';
import { readSessionStatsOfAll } from '../../store/admin/reports/read-session-stats-of-all.ts';
import { readStatsOfAll } from '../../store/admin/reports/read-stats-of-all.ts';
import { readSessionStats } from '../../store/read/statistics/read-session-stats.ts';
import { readStats } from '../../store/read/statistics/read-stats.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { selectUser } from '../answers/select-user.ts';
import { userQuery } from '../http/operators.ts';
import { pageQuery, route, type Route } from '../http/route.ts';

const statsQuery = z.object({
  by: statsBySchema.default('day'),
  from: daySchema.optional(),
  to: daySchema.optional(),
  ...pageQuery(LIMITS.sessionsPerPage.value),
  ...userQuery,
});

/** Statistics of runs. */
export function statsRoutes(deps: GatewayDeps): Route[] {
  const { db } = deps;
  return [
    route({
      method: 'get',
      path: '/v1/stats',
      access: 'read',
      summary:
        'Requests, errors, durations, tokens and cost of your runs, by session, user, agent or day; for operators, also of another user or of all',
      query: statsQuery,
      responses: { 200: { description: 'One row per group, and the total', schema: statsPageSchema } },
      async handle({ caller, query }) {
        const { by, limit, cursor, from = null, to = null } = query;
        checkRange(from, to);
        const owner = await selectUser(deps, caller, query, { action: 'stats.read', what: 'statistics' });
        if (by !== 'session') {
          const report =
            owner === null ? await readStatsOfAll(db, by, { from, to }) : await readStats(db, owner, by, { from, to });
          return Response.json({ by, from, to, ...report, nextCursor: null } satisfies StatsPage);
        }
        // The fewest rows beside the total.
        const { total } =
          owner === null
            ? await readStatsOfAll(db, 'agent', { from, to })
            : await readStats(db, owner, 'user', { from, to });
        const request = { from, to, limit, cursor };
        const page =
          owner === null ? await readSessionStatsOfAll(db, request) : await readSessionStats(db, owner, request);
        return Response.json({ by, from, to, ...page, total } satisfies StatsPage);
      },
    }),
  ];
}

function checkRange(from: string | null, to: string | null): void {
  if (from === null || to === null || from <= to) return;
  throw new PerdureError(
    'invalid_request',
    `The statistics would start on ${from}, after their end on ${to}. Swap the dates.`,
  );
}
