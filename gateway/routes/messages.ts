import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { messageInputSchema } from '../../contracts/session/message.ts';
import { receiptOfWaitingSchema } from '../../contracts/session/waiting-receipt.ts';
import { sessionKey } from '../../contracts/session/session-key.ts';
import { deliverMessage, assignMessageId } from '../answers/deliver-message.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { messageOutcomeSchema, readAcceptedOutcome, readOutcome } from '../answers/message-outcome.ts';
import { route, type ResponseSpec, type Route } from '../http/route.ts';

/** The responses to a delivery, depending on its headers. */
export const DELIVERY_RESPONSES: Readonly<Record<number, ResponseSpec | readonly ResponseSpec[]>> = {
  200: [
    { description: 'With Prefer: wait=SECONDS: the answer', schema: messageOutcomeSchema },
    { description: 'With Accept: text/event-stream: the events of the run', mediaType: 'text/event-stream' },
  ],
  202: {
    description:
      'The receipt. With Prefer: wait=SECONDS, when the run waits for an answer: also what is to be answered',
    schema: receiptOfWaitingSchema,
  },
};

export const DELIVERY_HEADERS = {
  Prefer: 'wait=SECONDS: wait for the answer, at most 600 s',
  'Idempotency-Key': "The message's id, instead of the body's",
} as const;

/** Delivery of messages to sessions. */
export function messageRoutes(deps: GatewayDeps): Route[] {
  const { db } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/sessions/{id}/messages',
      access: 'write',
      summary: 'Deliver a message; creates the session if absent',
      body: messageInputSchema,
      bodyBytes: LIMITS.requestBytes.value,
      headers: DELIVERY_HEADERS,
      responses: DELIVERY_RESPONSES,
      async handle({ user, param, body, headers, signal, disconnect, onCredentialEnd }) {
        const key = sessionKey(user, param('id'));
        const { input, isNew } = assignMessageId(body, headers);
        return deliverMessage(deps, {
          key,
          input,
          isNew,
          headers,
          signal,
          disconnect,
          onCredentialEnd,
          admit: async () => deps.admit(key, 'session', input),
        });
      },
    }),
    route({
      method: 'get',
      path: '/v1/sessions/{id}/messages/{message}',
      access: 'read',
      operators: { action: 'message.read', what: 'messages' },
      summary:
        'Get the outcome of a message: whether it waits for a worker, was refused or has a run, and the answer so far',
      responses: { 200: { description: 'Its outcome so far', schema: messageOutcomeSchema } },
      async handle({ user, param }) {
        const key = sessionKey(user, param('id'));
        const outcome =
          (await readOutcome(db, key, param('message'))) ?? (await readAcceptedOutcome(deps, key, param('message')));
        if (outcome !== null) return Response.json(outcome);
        throw new PerdureError(
          'not_found',
          `The session ${JSON.stringify(param('id'))} has no message ${JSON.stringify(param('message').slice(0, 100))}.`,
        );
      },
    }),
  ];
}
