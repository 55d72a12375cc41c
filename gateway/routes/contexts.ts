import { z } from 'zod';
import { callContextSchema } from '../../contracts/session/call-context.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { callContext } from '../answers/call-context.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { requireReadableSession, requireSessionOfRun } from '../answers/require-session.ts';
import { route, type Route } from '../http/route.ts';

const attemptQuery = z.object({ attempt: z.coerce.number().int().min(1).max(1_000_000).optional() });
const RESPONSES = {
  200: { description: 'Its instructions, messages, tools and parameters', schema: callContextSchema },
};

/** What model calls were given. */
export function contextRoutes(deps: GatewayDeps): Route[] {
  const { db } = deps;
  return [
    route({
      method: 'get',
      path: '/v1/sessions/{id}/runs/{run}/steps/{step}/context',
      access: 'read',
      operators: { action: 'context.read', what: 'runs' },
      summary: 'What a model call was given. `step` is a number or `last`; default of `attempt`: the answered one',
      query: attemptQuery,
      responses: RESPONSES,
      async handle({ user, param, query: { attempt } }) {
        const key = await requireReadableSession(db, user, param('id'));
        return Response.json(await callContext(deps, key, param('run'), { step: stepOf(param('step')), attempt }));
      },
    }),
    route({
      method: 'get',
      path: '/v1/runs/{run}/steps/{step}/context',
      access: 'read',
      operators: { action: 'context.read', what: 'runs' },
      summary: 'What a model call of any of your runs was given, in a session or without one',
      query: attemptQuery,
      responses: RESPONSES,
      async handle({ user, param, query: { attempt } }) {
        const step = stepOf(param('step'));
        const key = await requireSessionOfRun(db, user, param('run'));
        return Response.json(await callContext(deps, key, param('run'), { step, attempt }));
      },
    }),
  ];
}

/** The number of a step; undefined for the last one. */
function stepOf(text: string): number | undefined {
  if (text === 'last') return undefined;
  const step = Number(text);
  if (/^\d{1,9}$/.test(text) && step > 0) return step;
  throw new PerdureError(
    'invalid_request',
    `${JSON.stringify(text.slice(0, 100))} is no step. Use a number from 1, or \`last\`.`,
  );
}
