import { z } from 'zod';
import { LIMITS } from '../../contracts/limits.ts';
import { sessionExportSchema } from '../../contracts/session/session-export.ts';
import { sessionLimits } from '../../contracts/session/session-limits.ts';
import { sessionKey } from '../../contracts/session/session-key.ts';
import { sessionSnapshotSchema } from '../../contracts/session/session.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { exportSession } from '../../store/sessions/export-session.ts';
import { importSession } from '../../store/sessions/import-session.ts';
import { existing } from '../answers/existing.ts';
import type { GatewayParts } from '../answers/gateway-parts.ts';
import { route, type Route } from '../http/route.ts';
import { checkAddressable, snapshotOf } from '../answers/session-snapshot.ts';

/** A session out of this installation and into another. */
export function exportRoutes(parts: GatewayParts): Route[] {
  const { db, commits, sender, deployment } = parts;
  return [
    route({
      method: 'get',
      path: '/v1/sessions/{id}/export',
      summary: 'A session as one JSON document, archived or not',
      answers: { 200: { description: 'The document', schema: sessionExportSchema } },
      async handle({ user, param }) {
        return Response.json(await exportSession(db, await existing(db, user, param('id'))));
      },
    }),
    route({
      method: 'post',
      path: '/v1/sessions/import',
      summary: 'Make the session of an exported document yours',
      query: z.object({ id: z.string().optional() }),
      body: sessionExportSchema,
      bodyBytes: LIMITS.exportBytes.value,
      answers: { 201: { description: 'The session', schema: sessionSnapshotSchema } },
      async handle({ user, query, body }) {
        const id = query.id ?? body.id;
        checkAddressable(id);
        const key = sessionKey(user, id);
        const { events, evicted } = await importSession(db, key, body, sessionLimits(deployment.limits));
        commits.setAgent(key, body.session.agent);
        publishAppended(parts, key, events);
        for (const made of evicted) {
          publishAppended(parts, made.key, made.events);
          void sender.lookAtLife(made.key).catch(() => {});
        }
        return Response.json(await snapshotOf(parts, key), { status: 201 });
      },
    }),
  ];
}
