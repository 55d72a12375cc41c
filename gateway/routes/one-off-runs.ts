import { z } from 'zod';
import { oneOffKey } from '../../client/temporal/one-off-key.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { messageInputSchema } from '../../contracts/session/message.ts';
import { runDetailSchema } from '../../contracts/session/run.ts';
import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';
import { readFamily } from '../../store/children/read-family.ts';
import { readRun } from '../../store/read/read-run.ts';
import { deliverMessage, assignMessageId } from '../answers/deliver-message.ts';
import { readsAll } from '../http/caller.ts';
import { eventsResponse, EVENTS_RESPONSES, EVENTS_HEADERS, eventsQuery } from '../answers/events-response.ts';
import { messageOutcomeSchema, readAcceptedRun } from '../answers/message-outcome.ts';
import { noSuchRun, requireRun } from '../answers/require-session.ts';
import { visibleRun } from '../answers/visible-run.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { route, type Route } from '../http/route.ts';
import { DELIVERY_RESPONSES, DELIVERY_HEADERS } from './messages.ts';
import { stopIfUnread } from '../answers/stop-if-unread.ts';
import { CANCEL_RESPONSES, cancelBody } from './runs.ts';

/** The outcome's `status` is `waiting` or `refused`, which no run's is. */
const runOrOutcomeSchema = z.union([runDetailSchema, messageOutcomeSchema]);

/** Runs without a session. Their rows have the run's id in place of the session id. */
export function oneOffRunRoutes(deps: GatewayDeps): Route[] {
  const { db, sender } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/runs',
      access: 'write',
      summary: 'Start a run without a session',
      body: messageInputSchema.omit({ whileRunning: true }),
      bodyBytes: LIMITS.requestBytes.value,
      headers: DELIVERY_HEADERS,
      responses: DELIVERY_RESPONSES,
      async handle({ user, body, headers, signal, disconnect, onCredentialEnd }) {
        const { input, isNew } = assignMessageId(body, headers);
        // The same message id must give the same run.
        const key = oneOffKey(user, input.id);
        return deliverMessage(deps, {
          key,
          input,
          isNew,
          headers,
          signal,
          disconnect,
          onCredentialEnd,
          admit: async () => deps.admit(key, 'run', input),
        });
      },
    }),
    route({
      method: 'get',
      path: '/v1/runs/{run}',
      access: 'read',
      operators: { action: 'run.read', what: 'runs' },
      summary:
        'Get a run without a session; while it is only accepted, whether it waits for a worker or was refused, as the outcome of its message',
      responses: { 200: { description: 'The run, or the outcome of its message', schema: runOrOutcomeSchema } },
      async handle({ user, caller, param }) {
        const key = runKey(user, param('run'));
        const run = await readRun(db, key, param('run'));
        if (run !== null) {
          const family = await readFamily(db, key, run.id);
          return Response.json({ ...visibleRun(run, readsAll(caller)), ...family });
        }
        const accepted = await readAcceptedRun(deps, key);
        if (accepted !== null) return Response.json(accepted);
        throw noSuchRun(key, param('run'));
      },
    }),
    route({
      method: 'get',
      path: '/v1/runs/{run}/events',
      access: 'read',
      operators: { action: 'events.read', what: 'events' },
      summary: 'Stream the events of a run without a session, to its end',
      query: eventsQuery,
      headers: EVENTS_HEADERS,
      streams: 'run',
      responses: EVENTS_RESPONSES,
      async handle(call) {
        const key = runKey(call.user, call.param('run'));
        const { id } = await requireRun(db, key, call.param('run'));
        return eventsResponse(deps, key, { ...call, signal: call.signal, runId: id });
      },
    }),
    route({
      method: 'post',
      path: '/v1/runs/{run}/cancel',
      access: 'write',
      operators: { action: 'run.cancel', what: 'runs', act: 'cancel' },
      summary: 'Stop a run without a session immediately',
      body: cancelBody,
      responses: CANCEL_RESPONSES,
      async handle({ user, param, body }) {
        const key = runKey(user, param('run'));
        const { id } = await stopIfUnread(deps.live, key, param('run'), () => requireRun(db, key, param('run')));
        return Response.json(await sender.cancelRun(key, { runId: id, ...body }));
      },
    }),
  ];
}

function runKey(user: string, runId: string): SessionKey {
  return sessionKey(user, runId);
}
