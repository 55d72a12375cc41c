import { v7 as uuid } from 'uuid';
import { z } from 'zod';
import type { Policy } from '../../contracts/agent.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { endSessionSchema, openSessionSchema, updateSessionSchema } from '../../contracts/session/commands.ts';
import { sessionSnapshotSchema } from '../../contracts/session/session.ts';
import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';
import { archives } from '../../core/session/expiry.ts';
import { resolvePolicy } from '../../core/policy.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { removeSession } from '../../store/sessions/remove-session.ts';
import { requireSession } from '../answers/require-session.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { checkAddressable, snapshotOf } from '../answers/session-snapshot.ts';
import { withGeneratedId } from '../answers/with-generated-id.ts';
import { route, type Route } from '../http/route.ts';
import { listRoute } from './list-sessions.ts';

/** Sessions: create, list, read, change, end, delete. */
export function sessionRoutes(deps: GatewayDeps): Route[] {
  const { db, sender } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/sessions',
      access: 'write',
      summary: 'Get or create a session',
      body: openSessionSchema.extend({ id: z.string().optional() }),
      bodyBytes: LIMITS.patchRequestBytes.value,
      responses: {
        200: { description: 'The session existed', schema: sessionSnapshotSchema },
        201: { description: 'The session was created', schema: sessionSnapshotSchema },
      },
      async handle({ user, body }) {
        const { id = uuid(), ...input } = body;
        checkAddressable(id);
        const key = sessionKey(user, id);
        return await withGeneratedId(body.id === undefined ? id : undefined, async () => {
          const { created } = await sender.open(key, input);
          return Response.json(await snapshotOf(deps, key), { status: created ? 201 : 200 });
        });
      },
    }),
    listRoute(deps),
    route({
      method: 'get',
      path: '/v1/sessions/{id}',
      access: 'read',
      operators: { action: 'session.read', what: 'sessions' },
      summary: 'Get a session and what it waits for',
      responses: { 200: { description: 'The session', schema: sessionSnapshotSchema } },
      handle: async ({ user, param }) => Response.json(await snapshotOf(deps, sessionKey(user, param('id')))),
    }),
    route({
      method: 'patch',
      path: '/v1/sessions/{id}',
      access: 'write',
      summary: 'Merge metadata, state and policy; null removes a key',
      body: updateSessionSchema,
      bodyBytes: LIMITS.patchRequestBytes.value,
      responses: { 200: { description: 'The session', schema: sessionSnapshotSchema } },
      async handle({ user, param, body }) {
        const key = await requireSession(db, user, param('id'));
        await sender.update(key, body);
        return Response.json(await snapshotOf(deps, key));
      },
    }),
    route({
      method: 'post',
      path: '/v1/sessions/{id}/end',
      access: 'write',
      summary: 'End a session',
      body: endSessionSchema,
      responses: { 200: { description: 'The session', schema: sessionSnapshotSchema } },
      async handle({ user, param, body }) {
        const key = await requireSession(db, user, param('id'));
        await sender.end(key, body);
        return Response.json(await snapshotOf(deps, key));
      },
    }),
    route({
      method: 'delete',
      path: '/v1/sessions/{id}',
      access: 'write',
      summary:
        'Remove a session: archive it if its policy requires it, otherwise delete it; archive=false deletes everything',
      query: z.object({ archive: z.enum(['true', 'false']).optional() }),
      responses: { 204: { description: 'The session was removed' } },
      async handle({ user, param, query }) {
        const key = await requireSession(db, user, param('id'));
        // The workflow first, so that it writes nothing after the rows are removed.
        await sender.terminate(key, 'deleted');
        const removed = await removeSession(db, key, { archives: archivesBy(deps, key, query.archive) });
        publishAppended(deps, key, removed.events);
        void deps.live.forget?.(key);
        deps.live.publish(key, { kind: 'serving', serving: 'leave' });
        if (query.archive === 'false') await sender.deleteExecutions(key);
        return new Response(null, { status: 204 });
      },
    }),
  ];
}

/** Decides whether a removed session is archived: by the request, otherwise by its policy. */
function archivesBy(
  { agents, deployment, commits }: GatewayDeps,
  key: SessionKey,
  archive: 'true' | 'false' | undefined,
) {
  return (agent: string, policy: Policy, messages: number): boolean => {
    // The events of the removal do not name the agent that their metrics are labelled with.
    commits.setAgent(key, agent);
    if (archive !== undefined) return archive === 'true';
    return archives(resolvePolicy(deployment.policy, agents.agent(agent)?.spec.policy, policy), messages);
  };
}
