import { z } from 'zod';
import { erasurePageSchema, erasureSchema } from '../../../contracts/admin/erasure.ts';
import { PerdureError } from '../../../contracts/errors.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { sessionKey } from '../../../contracts/session/session-key.ts';
import { appendAudit } from '../../../store/admin/audit/append-audit.ts';
import { beginErasure, listErasures, readErasure } from '../../../store/admin/erasure/erasures.ts';
import type { GatewayDeps } from '../../answers/gateway-deps.ts';
import { pageQuery, route, type Route } from '../../http/route.ts';

const listQuery = z.object(pageQuery(LIMITS.erasuresPerPage.value));

/** Erasures of users, for operators only. */
export function erasureRoutes({ db, sender }: GatewayDeps): Route[] {
  return [
    route({
      method: 'delete',
      path: '/v1/users/{user}',
      access: 'operate',
      reserved: 'erase a user',
      summary: 'For operators: erase everything that is stored of a user, in the background',
      responses: { 202: { description: 'The erasure has begun, or is in progress already', schema: erasureSchema } },
      async handle({ caller, param }) {
        const { user } = sessionKey(param('user'), 'erasure');
        await appendAudit(db, { actor: caller.user, action: 'user.erase', user, sessionId: null, runId: null });
        const erasure = await beginErasure(db, user);
        // Where Temporal does not respond, upkeep starts it.
        await sender.erase(erasure.id).catch(() => {});
        return Response.json(erasure, { status: 202 });
      },
    }),
    route({
      method: 'get',
      path: '/v1/erasures',
      access: 'inspect',
      reserved: 'see erasures',
      summary: 'For operators: list erasures of users, newest first',
      query: listQuery,
      responses: { 200: { description: 'A page', schema: erasurePageSchema } },
      async handle({ caller, query }) {
        await appendAudit(db, {
          actor: caller.user,
          action: 'erasures.read',
          user: null,
          sessionId: null,
          runId: null,
        });
        return Response.json(await listErasures(db, query));
      },
    }),
    route({
      method: 'get',
      path: '/v1/erasures/{erasure}',
      access: 'inspect',
      reserved: 'see erasures',
      summary: 'For operators: get the progress or the report of an erasure',
      responses: { 200: { description: 'The erasure', schema: erasureSchema } },
      async handle({ param }) {
        const erasure = await readErasure(db, param('erasure'));
        if (erasure !== null) return Response.json(erasure);
        throw new PerdureError(
          'not_found',
          `There is no erasure ${JSON.stringify(param('erasure').slice(0, 80))}. Take the id from GET /v1/erasures.`,
        );
      },
    }),
  ];
}
