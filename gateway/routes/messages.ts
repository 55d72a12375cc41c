import { PerdureError } from '../../contracts/errors.ts';
import { messageInputSchema, receiptSchema } from '../../contracts/session/message.ts';
import { sessionKey } from '../../contracts/session/session-key.ts';
import { deliverMessage, assignMessageId } from '../answers/deliver-message.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { messageOutcomeSchema, readOutcome } from '../answers/message-outcome.ts';
import { route, type ResponseSpec, type Route } from '../http/route.ts';

/** The responses to a delivery, depending on its headers. */
export const DELIVERY_RESPONSES: Readonly<Record<number, ResponseSpec | readonly ResponseSpec[]>> = {
  200: [
    { description: 'With Prefer: wait=SECONDS: the answer', schema: messageOutcomeSchema },
    { description: 'With Accept: text/event-stream: the events of the run', mediaType: 'text/event-stream' },
  ],
  202: { description: 'The receipt', schema: receiptSchema },
};

export const DELIVERY_HEADERS = {
  Prefer: 'wait=SECONDS: wait for the answer, at most 600 s',
  'Idempotency-Key': "The message's id, instead of the body's",
} as const;

/** Delivery of messages to sessions. */
export function messageRoutes(deps: GatewayDeps): Route[] {
  const { db, sender } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/sessions/{id}/messages',
      summary: 'Deliver a message; creates the session if absent',
      body: messageInputSchema,
      headers: DELIVERY_HEADERS,
      responses: DELIVERY_RESPONSES,
      async handle({ user, param, body, headers, signal }) {
        const key = sessionKey(user, param('id'));
        const { input, isNew } = assignMessageId(body, headers);
        return deliverMessage(deps, {
          key,
          input,
          isNew,
          headers,
          signal,
          submit: async () => sender.submit(key, input),
        });
      },
    }),
    route({
      method: 'get',
      path: '/v1/sessions/{id}/messages/{message}',
      summary: 'Get the receipt of a message and the answer so far',
      responses: { 200: { description: 'Its receipt, and the answer so far', schema: messageOutcomeSchema } },
      async handle({ user, param }) {
        const outcome = await readOutcome(db, sessionKey(user, param('id')), param('message'));
        if (outcome !== null) return Response.json(outcome);
        throw new PerdureError(
          'not_found',
          `The session ${JSON.stringify(param('id'))} has no message ${JSON.stringify(param('message').slice(0, 100))}. An accepted message appears once a worker has processed it.`,
        );
      },
    }),
  ];
}
