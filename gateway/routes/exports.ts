import { z } from 'zod';
import { storageLimits } from '../../contracts/attachments/storage-limits.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { documentLimits } from '../../contracts/session/document-limits.ts';
import { sessionExportSchema } from '../../contracts/session/session-export.ts';
import { sessionLimits } from '../../contracts/session/session-limits.ts';
import { sessionKey } from '../../contracts/session/session-key.ts';
import { sessionSnapshotSchema } from '../../contracts/session/session.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { documents } from '../../store/documents/document-process.ts';
import { createFromExport } from '../../store/sessions/create-from-export.ts';
import { readSessionExport } from '../../store/sessions/read-session-export.ts';
import { restoreSession } from '../../store/sessions/restore-session.ts';
import type { EvictedSession } from '../../store/sessions/ensure-capacity.ts';
import { requireSession } from '../answers/require-session.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { createDocumentSlots } from '../http/document-slots.ts';
import { textResponse } from '../http/text-response.ts';
import { route, type Route } from '../http/route.ts';
import { checkAddressable, snapshotOf } from '../answers/session-snapshot.ts';

/** Sessions as documents: export, import, and the return from an archive. */
export function exportRoutes(deps: GatewayDeps): Route[] {
  const { db, commits, sender, deployment } = deps;
  const limits = documentLimits(deployment.limits);
  const slots = createDocumentSlots(limits);
  const publishEvicted = (evicted: readonly EvictedSession[]): void => {
    for (const made of evicted) {
      publishAppended(deps, made.key, made.events);
      void sender.checkExpiry(made.key).catch(() => {});
    }
  };
  return [
    route({
      method: 'get',
      path: '/v1/sessions/{id}/export',
      access: 'read',
      operators: { action: 'export.read', what: 'exports' },
      summary: 'Export a session as one JSON document, archived or not',
      query: z.object({ attachments: z.enum(['include', 'omit']).default('omit') }),
      responses: { 200: { description: 'The document', schema: sessionExportSchema } },
      async handle({ user, query, param }) {
        const key = await requireSession(db, user, param('id'));
        const free = slots.take(user);
        try {
          const chunks = await readSessionExport(db, key, { attachments: query.attachments === 'include' });
          return textResponse(chunks, { maxMs: LIMITS.documentMs.value, onEnd: free });
        } catch (error) {
          free();
          throw error;
        }
      },
    }),
    route({
      method: 'post',
      path: '/v1/sessions/import',
      access: 'write',
      summary: 'Create a session of yours from an export document',
      query: z.object({ id: z.string().optional() }),
      body: sessionExportSchema,
      readsBody: true,
      responses: { 201: { description: 'The session', schema: sessionSnapshotSchema } },
      async handle({ user, query, readBody }) {
        if (query.id !== undefined) checkAddressable(query.id);
        const free = slots.take(user);
        try {
          const bytes = await readBody({
            maxBytes: limits.importBytes,
            maxMs: LIMITS.documentMs.value,
            remedy: 'Raise limits.importBytes in the deployment file.',
          });
          const prepared = await documents.prepareImport({ bytes, user, session: query.id });
          checkAddressable(prepared.id);
          const key = sessionKey(user, prepared.id);
          const { events, evicted } = await createFromExport(
            db,
            key,
            prepared,
            sessionLimits(deployment.limits),
            storageLimits(deployment.limits),
          );
          commits.setAgent(key, prepared.agent);
          publishAppended(deps, key, events);
          publishEvicted(evicted);
          return Response.json(await snapshotOf(deps, key), { status: 201 });
        } finally {
          free();
        }
      },
    }),
    route({
      method: 'post',
      path: '/v1/sessions/{id}/restore',
      access: 'write',
      summary: 'Restore an archived session without sending it a message',
      body: z.strictObject({}),
      responses: { 200: { description: 'The session', schema: sessionSnapshotSchema } },
      async handle({ user, param }) {
        const key = await requireSession(db, user, param('id'));
        const { agent, events, evicted } = await restoreSession(db, key, sessionLimits(deployment.limits));
        commits.setAgent(key, agent);
        publishAppended(deps, key, events);
        publishEvicted(evicted);
        return Response.json(await snapshotOf(deps, key));
      },
    }),
  ];
}
