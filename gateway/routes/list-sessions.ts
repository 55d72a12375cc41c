import { z } from 'zod';
import { timeSchema } from '../../contracts/time.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { queryNumber, sessionFilterFields } from '../../contracts/session/list-filters.ts';
import { sessionRecordSchema, sessionStatusSchema } from '../../contracts/session/session.ts';
import { listAllSessions } from '../../store/admin/reports/list-all-sessions.ts';
import { listSessions } from '../../store/read/lists/list-sessions.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { selectUser } from '../answers/select-user.ts';
import { userQuery } from '../http/operators.ts';
import { pageOf, pageQuery, route, type Route } from '../http/route.ts';

const METADATA = 'metadata.';

const listQuery = z.object({
  status: sessionStatusSchema.optional(),
  ...sessionFilterFields(queryNumber),
  idPrefix: z
    .string()
    .min(1)
    .max(LIMITS.sessionIdBytes.value)
    .regex(/^[ -~\u00a0-\uffff]*$/, 'Control characters are not part of an id.')
    .optional(),
  activeSince: timeSchema.optional(),
  minErrorRate: z.coerce.number().min(0).max(1).optional(),
  ...pageQuery(LIMITS.sessionsPerPage.value),
  ...userQuery,
});

/** The list of sessions: the caller's; for operators, also those of another user or of all. */
export function listRoute(deps: GatewayDeps): Route {
  const { db } = deps;
  return route({
    method: 'get',
    path: '/v1/sessions',
    access: 'read',
    summary:
      'List your sessions, newest activity first; for operators, also those of another user or of all. metadata.NAME=VALUE filters by metadata, idPrefix by the beginning of the id',
    query: listQuery,
    queryPrefix: METADATA,
    responses: { 200: { description: 'A page', schema: pageOf(sessionRecordSchema) } },
    async handle({ caller, query: { user, all, ...filters }, rawQuery }) {
      const owner = await selectUser(deps, caller, { user, all }, { action: 'sessions.list', what: 'sessions' });
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
