import { v7 as uuid } from 'uuid';
import { z } from 'zod';
import { endSessionSchema, openSessionSchema, updateSessionSchema } from '../../contracts/commands.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { agentNameSchema } from '../../contracts/message.ts';
import { sessionRecordSchema, sessionSnapshotSchema, sessionStatusSchema } from '../../contracts/session.ts';
import { sessionKey, type SessionKey } from '../../contracts/session-key.ts';
import { resolvePolicy } from '../../core/policy.ts';
import { deleteSession } from '../../store/delete-session.ts';
import { listSessions } from '../../store/list-sessions.ts';
import { readSnapshot } from '../../store/read-snapshot.ts';
import { existing } from '../existing.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { pageOf, route, type Route } from '../route.ts';

const DEFAULT_PAGE = 50;
const METADATA = 'metadata.';

const listQuery = z.object({
  status: sessionStatusSchema.optional(),
  agent: agentNameSchema.optional(),
  activeSince: z.iso.datetime({ offset: true }).optional(),
  limit: z.coerce.number().int().min(1).max(LIMITS.sessionsPerPage.value).default(DEFAULT_PAGE),
  cursor: z.string().optional(),
});

/** `/v1/sessions` and one of them. */
export function sessionRoutes(parts: GatewayParts): Route[] {
  const { db, sender } = parts;
  return [
    route({
      method: 'post',
      path: '/v1/sessions',
      summary: 'Get or create a session',
      body: openSessionSchema.extend({ id: z.string().optional() }),
      answers: {
        200: { description: 'It was there', schema: sessionSnapshotSchema },
        201: { description: 'It was created', schema: sessionSnapshotSchema },
      },
      async handle({ user, body }) {
        const { id = uuid(), ...input } = body;
        checkAddressable(id);
        const key = sessionKey(user, id);
        const { created } = await sender.open(key, input);
        return Response.json(await snapshotOf(parts, key), { status: created ? 201 : 200 });
      },
    }),
    route({
      method: 'get',
      path: '/v1/sessions',
      summary: 'List your sessions, newest activity first; metadata.NAME=VALUE filters by metadata',
      query: listQuery,
      answers: { 200: { description: 'A page', schema: pageOf(sessionRecordSchema) } },
      async handle({ user, query, rawQuery }) {
        return Response.json(await listSessions(db, user, { ...query, metadata: metadataOf(rawQuery) }));
      },
    }),
    route({
      method: 'get',
      path: '/v1/sessions/{id}',
      summary: 'A session and what it waits for',
      answers: { 200: { description: 'The session', schema: sessionSnapshotSchema } },
      handle: async ({ user, param }) => Response.json(await snapshotOf(parts, sessionKey(user, param('id')))),
    }),
    route({
      method: 'patch',
      path: '/v1/sessions/{id}',
      summary: 'Merge metadata, state and policy; null removes a key',
      body: updateSessionSchema,
      answers: { 200: { description: 'The session', schema: sessionSnapshotSchema } },
      async handle({ user, param, body }) {
        const key = await existing(db, user, param('id'));
        await sender.update(key, body);
        return Response.json(await snapshotOf(parts, key));
      },
    }),
    route({
      method: 'post',
      path: '/v1/sessions/{id}/end',
      summary: 'End a session',
      body: endSessionSchema,
      answers: { 200: { description: 'The session', schema: sessionSnapshotSchema } },
      async handle({ user, param, body }) {
        const key = await existing(db, user, param('id'));
        await sender.end(key, body);
        return Response.json(await snapshotOf(parts, key));
      },
    }),
    route({
      method: 'delete',
      path: '/v1/sessions/{id}',
      summary: 'Delete a session with everything in it',
      // There are no archives yet, so nothing can be kept.
      query: z.object({
        archive: z.literal('false', 'only "false" is possible: there are no archives yet').optional(),
      }),
      answers: { 204: { description: 'It is gone' } },
      async handle({ user, param }) {
        const key = await existing(db, user, param('id'));
        // First the workflow, so that nothing is written after the rows are gone.
        await sender.terminate(key, 'deleted');
        await deleteSession(db, key);
        return new Response(null, { status: 204 });
      },
    }),
  ];
}

export async function snapshotOf(
  { db, agents, deployment }: GatewayParts,
  key: SessionKey,
): Promise<z.infer<typeof sessionSnapshotSchema>> {
  const snapshot = await readSnapshot(db, key, (agent, policy) =>
    resolvePolicy(deployment.policy, agents.agent(agent)?.spec.policy, policy),
  );
  if (snapshot !== null) return snapshot;
  throw new PerdureError(
    'not_found',
    `There is no session ${JSON.stringify(key.session)} of yours. Create it, or send it a message.`,
  );
}

/** Paths resolve these two, even percent-encoded. */
function checkAddressable(id: string): void {
  if (id !== '.' && id !== '..') return;
  throw new PerdureError(
    'invalid_request',
    `The session id ${JSON.stringify(id)} cannot stand in a path. Use another.`,
  );
}

function metadataOf(query: URLSearchParams): Record<string, string> | undefined {
  const given = [...query].filter(([name]) => name.startsWith(METADATA));
  if (given.length === 0) return undefined;
  return Object.fromEntries(given.map(([name, value]) => [name.slice(METADATA.length), value]));
}
