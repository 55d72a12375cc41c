import { z } from 'zod';
import { LIMITS } from '../../contracts/limits.ts';
import { runDetailSchema, runRecordSchema } from '../../contracts/session/run.ts';
import { listRuns } from '../../store/read/list-runs.ts';
import { existingRun, readable } from '../answers/existing.ts';
import type { GatewayParts } from '../answers/gateway-parts.ts';
import { pageOf, pageQuery, route, type Answer, type Route } from '../http/route.ts';

const listQuery = z.object(pageQuery(LIMITS.sessionsPerPage.value));

export const cancelBody = z.strictObject({});
export const CANCEL_ANSWERS: Readonly<Record<number, Answer>> = {
  200: {
    description: 'The run that was told to stop; null when it was not going',
    schema: z.object({ runId: z.string().nullable() }),
  },
};

/** The runs of a session. */
export function runRoutes({ db, sender }: GatewayParts): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/sessions/{id}/runs',
      summary: 'The runs of a session, newest first',
      query: listQuery,
      answers: { 200: { description: 'A page', schema: pageOf(runRecordSchema) } },
      async handle({ user, param, query }) {
        const key = await readable(db, user, param('id'));
        return Response.json(await listRuns(db, key, query));
      },
    }),
    route({
      method: 'get',
      path: '/v1/sessions/{id}/runs/{run}',
      summary: 'A run: steps, tool calls, timings, usage',
      answers: { 200: { description: 'The run', schema: runDetailSchema } },
      async handle({ user, param }) {
        const key = await readable(db, user, param('id'));
        return Response.json(await existingRun(db, key, param('run')));
      },
    }),
    route({
      method: 'post',
      path: '/v1/sessions/{id}/runs/{run}/cancel',
      summary: 'Stop a run at once',
      body: cancelBody,
      answers: CANCEL_ANSWERS,
      async handle({ user, param }) {
        const key = await readable(db, user, param('id'));
        const { id } = await existingRun(db, key, param('run'));
        return Response.json(await sender.cancel(key, { runId: id }));
      },
    }),
    route({
      method: 'post',
      path: '/v1/sessions/{id}/runs/{run}/resume',
      summary: 'Let a failed run go on from its last completed step',
      body: z.strictObject({}),
      answers: { 200: { description: 'The run', schema: runDetailSchema } },
      async handle({ user, param }) {
        const key = await readable(db, user, param('id'));
        const { id } = await existingRun(db, key, param('run'));
        await sender.resume(key, { runId: id });
        return Response.json(await existingRun(db, key, id));
      },
    }),
  ];
}
