import { z } from 'zod';
import { LIMITS } from '../../contracts/limits.ts';
import { agentNameSchema } from '../../contracts/session/message.ts';
import { sessionRecordSchema, sessionStatusSchema } from '../../contracts/session/session.ts';
import { listAllSessions } from '../../store/admin/reports/list-all-sessions.ts';
import { listSessions } from '../../store/read/list-sessions.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { requestedUser, userQuery } from '../http/operators.ts';
import { pageOf, pageQuery, route, type Route } from '../http/route.ts';

const METADATA = 'metadata.';

const listQuery = z.object({
  status: sessionStatusSchema.optional(),
  agent: agentNameSchema.optional(),
  activeSince: z.iso.datetime({ offset: true }).optional(),
  minErrorRate: z.coerce.number().min(0).max(1).optional(),
  ...pageQuery(LIMITS.sessionsPerPage.value),
  ...userQuery,
});

/** The list of sessions: the caller's; for operators, also those of another user or of all. */
export function listRoute({ db, isOperator }: GatewayDeps): Route {
  return route({
    method: 'get',
    path: '/v1/sessions',
    summary:
      'List your sessions, newest activity first; for operators, also those of another user or of all. metadata.NAME=VALUE filters by metadata',
    query: listQuery,
    responses: { 200: { description: 'A page', schema: pageOf(sessionRecordSchema) } },
    async handle({ user: caller, query: { user, all, ...filters }, rawQuery }) {
      const owner = requestedUser(isOperator, caller, { user, all }, 'sessions');
      const filter = { ...filters, metadata: metadataOf(rawQuery) };
      return Response.json(owner === null ? await listAllSessions(db, filter) : await listSessions(db, owner, filter));
    },
  });
}

function metadataOf(query: URLSearchParams): Record<string, string> | undefined {
  const given = [...query].filter(([name]) => name.startsWith(METADATA));
  if (given.length === 0) return undefined;
  return Object.fromEntries(given.map(([name, value]) => [name.slice(METADATA.length), value]));
}
