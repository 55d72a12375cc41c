import { countsRecordedSchema, recordCountsSchema } from '../../contracts/session/recorded-counts.ts';
import { recordCounts } from '../../store/sessions/record-counts.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { requireSession } from '../answers/require-session.ts';
import { route, type Route } from '../http/route.ts';

/** An application's own counts on a session. */
export function countRoutes({ db }: GatewayDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/sessions/{id}/counts',
      access: 'write',
      summary: 'Add counts of your own to a session, once per key',
      body: recordCountsSchema,
      responses: { 200: { description: "The session's sums", schema: countsRecordedSchema } },
      handle: async ({ user, param, body }) =>
        Response.json(await recordCounts(db, await requireSession(db, user, param('id')), body)),
    }),
  ];
}
