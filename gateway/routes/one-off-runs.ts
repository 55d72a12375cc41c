import { oneOffKey } from '../../client/temporal/one-off-key.ts';
import { messageInputSchema } from '../../contracts/session/message.ts';
import { runDetailSchema } from '../../contracts/session/run.ts';
import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';
import { deliverMessage, assignMessageId } from '../answers/deliver-message.ts';
import { eventsResponse, EVENTS_RESPONSES, EVENTS_HEADERS, eventsQuery } from '../answers/events-response.ts';
import { requireRun } from '../answers/require-session.ts';
import { runScope } from '../feed/event-scope.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { route, type Route } from '../http/route.ts';
import { DELIVERY_RESPONSES, DELIVERY_HEADERS } from './messages.ts';
import { CANCEL_RESPONSES, cancelBody } from './runs.ts';

/** Runs without a session. Their rows have the run's id in place of the session id. */
export function oneOffRunRoutes(deps: GatewayDeps): Route[] {
  const { db, sender } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/runs',
      summary: 'Start a run without a session',
      body: messageInputSchema.omit({ whileRunning: true }),
      headers: DELIVERY_HEADERS,
      responses: DELIVERY_RESPONSES,
      async handle({ user, body, headers, signal }) {
        const { input, isNew } = assignMessageId(body, headers);
        // The same message id must give the same run.
        const key = oneOffKey(user, input.id);
        return deliverMessage(deps, {
          key,
          input,
          isNew,
          headers,
          signal,
          submit: async () => sender.submitRun(key, input),
        });
      },
    }),
    route({
      method: 'get',
      path: '/v1/runs/{run}',
      summary: 'Get a run without a session',
      responses: { 200: { description: 'The run', schema: runDetailSchema } },
      handle: async ({ user, param }) => Response.json(await requireRun(db, runKey(user, param('run')), param('run'))),
    }),
    route({
      method: 'get',
      path: '/v1/runs/{run}/events',
      summary: 'Stream the events of a run without a session, to its end',
      query: eventsQuery,
      headers: EVENTS_HEADERS,
      responses: EVENTS_RESPONSES,
      async handle(call) {
        const key = runKey(call.user, call.param('run'));
        const { id } = await requireRun(db, key, call.param('run'));
        return eventsResponse(deps, key, call, runScope(id));
      },
    }),
    route({
      method: 'post',
      path: '/v1/runs/{run}/cancel',
      summary: 'Stop a run without a session immediately',
      body: cancelBody,
      responses: CANCEL_RESPONSES,
      async handle({ user, param, body }) {
        const key = runKey(user, param('run'));
        const { id } = await requireRun(db, key, param('run'));
        return Response.json(await sender.cancelRun(key, { runId: id, ...body }));
      },
    }),
  ];
}

function runKey(user: string, runId: string): SessionKey {
  return sessionKey(user, runId);
}
