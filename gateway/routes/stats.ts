import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { statsBySchema, statsPageSchema, type StatsPage } from '../../contracts/stats.ts';
import { readStatsOfAll } from '../../store/admin/reports/read-stats-of-all.ts';
import { readSessionStats } from '../../store/read/read-session-stats.ts';
import { readStats } from '../../store/read/read-stats.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { requestedUser, userQuery } from '../http/operators.ts';
import { pageQuery, route, type Route } from '../http/route.ts';

const statsQuery = z.object({
  by: statsBySchema.default('day'),
  from: z.iso.date().optional(),
  to: z.iso.date().optional(),
  ...pageQuery(LIMITS.sessionsPerPage.value),
  ...userQuery,
});

/** Statistics of runs. */
export function statsRoutes({ db, isOperator }: GatewayDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/stats',
      summary:
        'Requests, errors, durations, tokens and cost of your runs, by session, user, agent or day; for operators, also of another user or of all',
      query: statsQuery,
      responses: { 200: { description: 'One row per group, and the total', schema: statsPageSchema } },
      async handle({ user: caller, query }) {
        const { by, limit, cursor, from = null, to = null } = query;
        checkRange(from, to);
        const owner = requestedUser(isOperator, caller, query, 'statistics');
        if (by !== 'session') {
          const report =
            owner === null ? await readStatsOfAll(db, by, { from, to }) : await readStats(db, owner, by, { from, to });
          return Response.json({ by, from, to, ...report, nextCursor: null } satisfies StatsPage);
        }
        if (owner === null) {
          throw new PerdureError('invalid_request', 'Statistics by session need a user: set `user`, or another `by`.');
        }
        const { total } = await readStats(db, owner, 'user', { from, to });
        const page = await readSessionStats(db, owner, { from, to, limit, cursor });
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
