import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { sessionKey } from '../../contracts/session-key.ts';
import { statsBySchema, statsPageSchema, type StatsPage } from '../../contracts/stats.ts';
import { readSessionStats } from '../../store/read-session-stats.ts';
import { readStats } from '../../store/read-stats.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { route, type Route } from '../route.ts';

const DEFAULT_PAGE = 50;

const statsQuery = z.object({
  by: statsBySchema.default('day'),
  from: z.iso.date().optional(),
  to: z.iso.date().optional(),
  limit: z.coerce.number().int().min(1).max(LIMITS.sessionsPerPage.value).default(DEFAULT_PAGE),
  cursor: z.string().optional(),
});

/** How runs went. */
export function statsRoutes({ db }: GatewayParts): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/stats',
      summary: 'How your runs went, by session, user, agent or day: requests, errors, times, tokens, cost',
      query: statsQuery,
      answers: { 200: { description: 'A row for each, and all together', schema: statsPageSchema } },
      async handle({ user, query }) {
        const { by, limit, cursor } = query;
        const { from = null, to = null } = query;
        if (from !== null && to !== null && from > to) {
          throw new PerdureError(
            'invalid_request',
            `The days go from ${from} to ${to}, which is before it. Swap them.`,
          );
        }
        // Checks the user as every key is.
        const { user: owner } = sessionKey(user, 'stats');
        const whole = await readStats(db, owner, by === 'session' ? 'user' : by, { from, to });
        const part =
          by === 'session'
            ? await readSessionStats(db, owner, { from, to, limit, cursor })
            : { data: whole.data, nextCursor: null };
        return Response.json({ by, from, to, ...part, total: whole.total } satisfies StatsPage);
      },
    }),
  ];
}
