import { z } from 'zod';
import { LIMITS } from '../../contracts/limits.ts';
import { sessionExportSchema } from '../../contracts/session/session-export.ts';
import { sessionLimits } from '../../contracts/session/session-limits.ts';
import { sessionKey } from '../../contracts/session/session-key.ts';
import { sessionSnapshotSchema } from '../../contracts/session/session.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { readSessionExport } from '../../store/sessions/read-session-export.ts';
import { createFromExport } from '../../store/sessions/create-from-export.ts';
import { requireSession } from '../answers/require-session.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { route, type Route } from '../http/route.ts';
import { checkAddressable, snapshotOf } from '../answers/session-snapshot.ts';

/** Export and import of sessions. */
export function exportRoutes(deps: GatewayDeps): Route[] {
  const { db, commits, sender, deployment } = deps;
  return [
    route({
      method: 'get',
      path: '/v1/sessions/{id}/export',
      summary: 'Export a session as one JSON document, archived or not',
      responses: { 200: { description: 'The document', schema: sessionExportSchema } },
      async handle({ user, param }) {
        return Response.json(await readSessionExport(db, await requireSession(db, user, param('id'))));
      },
    }),
    route({
      method: 'post',
      path: '/v1/sessions/import',
      summary: 'Create a session of yours from an export document',
      query: z.object({ id: z.string().optional() }),
      body: sessionExportSchema,
      bodyBytes: LIMITS.exportBytes.value,
      responses: { 201: { description: 'The session', schema: sessionSnapshotSchema } },
      async handle({ user, query, body }) {
        const id = query.id ?? body.id;
        checkAddressable(id);
        const key = sessionKey(user, id);
        const { events, evicted } = await createFromExport(db, key, body, sessionLimits(deployment.limits));
        commits.setAgent(key, body.session.agent);
        publishAppended(deps, key, events);
        for (const made of evicted) {
          publishAppended(deps, made.key, made.events);
          void sender.checkExpiry(made.key).catch(() => {});
        }
        return Response.json(await snapshotOf(deps, key), { status: 201 });
      },
    }),
  ];
}
