import { v7 as uuid } from 'uuid';
import { z } from 'zod';
import type { Policy } from '../../contracts/agent.ts';
import { endSessionSchema, openSessionSchema, updateSessionSchema } from '../../contracts/session/commands.ts';
import { sessionSnapshotSchema } from '../../contracts/session/session.ts';
import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';
import { archives } from '../../core/session/expiry.ts';
import { resolvePolicy } from '../../core/policy.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { removeSession } from '../../store/sessions/remove-session.ts';
import { existing } from '../answers/existing.ts';
import type { GatewayParts } from '../answers/gateway-parts.ts';
import { checkAddressable, snapshotOf } from '../answers/session-snapshot.ts';
import { route, type Route } from '../http/route.ts';
import { listRoute } from './list-sessions.ts';

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
    listRoute(parts),
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
      summary: 'Remove a session: archived if its policy says so, else deleted; archive=false keeps nothing',
      query: z.object({ archive: z.enum(['true', 'false']).optional() }),
      answers: { 204: { description: 'It is removed' } },
      async handle({ user, param, query }) {
        const key = await existing(db, user, param('id'));
        // First the workflow, so that nothing is written after the rows are gone.
        await sender.terminate(key, 'deleted');
        const removed = await removeSession(db, key, { archives: archiving(parts, key, query.archive) });
        publishAppended(parts, key, removed.events);
        if (query.archive === 'false') await sender.forget(key);
        return new Response(null, { status: 204 });
      },
    }),
  ];
}

/** Whether a session is archived when it is removed, as the caller or its policy says. */
function archiving(
  { agents, deployment, commits }: GatewayParts,
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
