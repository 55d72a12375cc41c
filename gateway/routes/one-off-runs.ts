import { oneOffKey } from '../../client/temporal/one-off-key.ts';
import { messageInputSchema } from '../../contracts/session/message.ts';
import { runDetailSchema } from '../../contracts/session/run.ts';
import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';
import { deliver, withMessageId } from '../answers/deliver.ts';
import { answerEvents, EVENTS_ANSWERS, EVENTS_HEADERS, eventsQuery } from '../answers/events-answer.ts';
import { existingRun } from '../answers/existing.ts';
import { followRun } from '../feed/follow.ts';
import type { GatewayParts } from '../answers/gateway-parts.ts';
import { route, type Route } from '../http/route.ts';
import { DELIVERY_ANSWERS, DELIVERY_HEADERS } from './messages.ts';
import { CANCEL_ANSWERS, cancelBody } from './runs.ts';

/** Runs without a session. A run's rows lie under its own id, in the session's place. */
export function oneOffRunRoutes(parts: GatewayParts): Route[] {
  const { db, sender } = parts;
  return [
    route({
      method: 'post',
      path: '/v1/runs',
      summary: 'A run without a session',
      body: messageInputSchema.omit({ whileRunning: true }),
      headers: DELIVERY_HEADERS,
      answers: DELIVERY_ANSWERS,
      async handle({ user, body, headers, signal }) {
        const { input, isNew } = withMessageId(body, headers);
        // The same message id must find the same run.
        const key = oneOffKey(user, input.id);
        return deliver(parts, { key, input, isNew, headers, signal, submit: async () => sender.submitRun(key, input) });
      },
    }),
    route({
      method: 'get',
      path: '/v1/runs/{run}',
      summary: 'A run without a session',
      answers: { 200: { description: 'The run', schema: runDetailSchema } },
      handle: async ({ user, param }) => Response.json(await existingRun(db, runKey(user, param('run')), param('run'))),
    }),
    route({
      method: 'get',
      path: '/v1/runs/{run}/events',
      summary: 'The events of a run without a session, to its end',
      query: eventsQuery,
      headers: EVENTS_HEADERS,
      answers: EVENTS_ANSWERS,
      async handle(call) {
        const key = runKey(call.user, call.param('run'));
        const { id } = await existingRun(db, key, call.param('run'));
        return answerEvents(parts, key, call, followRun(id));
      },
    }),
    route({
      method: 'post',
      path: '/v1/runs/{run}/cancel',
      summary: 'Stop a run without a session at once',
      body: cancelBody,
      answers: CANCEL_ANSWERS,
      async handle({ user, param, body }) {
        const key = runKey(user, param('run'));
        const { id } = await existingRun(db, key, param('run'));
        return Response.json(await sender.cancelRun(key, { runId: id, ...body }));
      },
    }),
  ];
}

function runKey(user: string, runId: string): SessionKey {
  return sessionKey(user, runId);
}
