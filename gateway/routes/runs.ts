import { z } from 'zod';
import { LIMITS } from '../../contracts/limits.ts';
import { runDetailSchema, runRecordSchema } from '../../contracts/session/run.ts';
import { listRuns } from '../../store/read/list-runs.ts';
import { requireRun, requireReadableSession } from '../answers/require-session.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { pageOf, pageQuery, route, type ResponseSpec, type Route } from '../http/route.ts';

const listQuery = z.object(pageQuery(LIMITS.sessionsPerPage.value));

export const cancelBody = z.strictObject({});
export const CANCEL_RESPONSES: Readonly<Record<number, ResponseSpec>> = {
  200: {
    description: 'The stopped run; null when it was not running',
    schema: z.object({ runId: z.string().nullable() }),
  },
};

/** Runs of a session. */
export function runRoutes({ db, sender }: GatewayDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/sessions/{id}/runs',
      summary: 'List the runs of a session, newest first',
      query: listQuery,
      responses: { 200: { description: 'A page', schema: pageOf(runRecordSchema) } },
      async handle({ user, param, query }) {
        const key = await requireReadableSession(db, user, param('id'));
        return Response.json(await listRuns(db, key, query));
      },
    }),
    route({
      method: 'get',
      path: '/v1/sessions/{id}/runs/{run}',
      summary: 'Get a run: steps, tool calls, timings, usage',
      responses: { 200: { description: 'The run', schema: runDetailSchema } },
      async handle({ user, param }) {
        const key = await requireReadableSession(db, user, param('id'));
        return Response.json(await requireRun(db, key, param('run')));
      },
    }),
    route({
      method: 'post',
      path: '/v1/sessions/{id}/runs/{run}/cancel',
      summary: 'Stop a run immediately',
      body: cancelBody,
      responses: CANCEL_RESPONSES,
      async handle({ user, param }) {
        const key = await requireReadableSession(db, user, param('id'));
        const { id } = await requireRun(db, key, param('run'));
        return Response.json(await sender.cancel(key, { runId: id }));
      },
    }),
    route({
      method: 'post',
      path: '/v1/sessions/{id}/runs/{run}/resume',
      summary: 'Continue a failed run after its last completed step',
      body: z.strictObject({}),
      responses: { 200: { description: 'The run', schema: runDetailSchema } },
      async handle({ user, param }) {
        const key = await requireReadableSession(db, user, param('id'));
        const { id } = await requireRun(db, key, param('run'));
        await sender.resume(key, { runId: id });
        return Response.json(await requireRun(db, key, id));
      },
    }),
  ];
}
