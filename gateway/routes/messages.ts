import { PerdureError } from '../../contracts/errors.ts';
import { messageInputSchema, receiptSchema } from '../../contracts/session/message.ts';
import { sessionKey } from '../../contracts/session/session-key.ts';
import { deliver, withMessageId } from '../answers/deliver.ts';
import type { GatewayParts } from '../answers/gateway-parts.ts';
import { messageOutcomeSchema, readOutcome } from '../answers/message-outcome.ts';
import { route, type Answer, type Route } from '../http/route.ts';

/** How a delivery is answered, as the sender asks. */
export const DELIVERY_ANSWERS: Readonly<Record<number, Answer | readonly Answer[]>> = {
  200: [
    { description: 'With Prefer: wait=SECONDS: the answer', schema: messageOutcomeSchema },
    { description: 'With Accept: text/event-stream: the events of the run', mediaType: 'text/event-stream' },
  ],
  202: { description: 'The receipt', schema: receiptSchema },
};

export const DELIVERY_HEADERS = {
  Prefer: 'wait=SECONDS: wait for the answer, at most 600',
  'Idempotency-Key': "The message's id, instead of the body's",
} as const;

/** Delivering to a session, and what became of it. */
export function messageRoutes(parts: GatewayParts): Route[] {
  const { db, sender } = parts;
  return [
    route({
      method: 'post',
      path: '/v1/sessions/{id}/messages',
      summary: 'Deliver a message; creates the session if absent',
      body: messageInputSchema,
      headers: DELIVERY_HEADERS,
      answers: DELIVERY_ANSWERS,
      async handle({ user, param, body, headers, signal }) {
        const key = sessionKey(user, param('id'));
        const { input, isNew } = withMessageId(body, headers);
        return deliver(parts, { key, input, isNew, headers, signal, submit: async () => sender.submit(key, input) });
      },
    }),
    route({
      method: 'get',
      path: '/v1/sessions/{id}/messages/{message}',
      summary: 'What became of a message',
      answers: { 200: { description: 'Its receipt, and the answer so far', schema: messageOutcomeSchema } },
      async handle({ user, param }) {
        const outcome = await readOutcome(db, sessionKey(user, param('id')), param('message'));
        if (outcome !== null) return Response.json(outcome);
        throw new PerdureError(
          'not_found',
          `There is no message ${JSON.stringify(param('message').slice(0, 100))} in ${JSON.stringify(param('id'))}. One that was accepted while no worker ran is there once a worker has taken it.`,
        );
      },
    }),
  ];
}
