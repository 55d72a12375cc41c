import { z } from 'zod';
import { LIMITS } from '../../contracts/limits.ts';
import { runDetailSchema, runRecordSchema } from '../../contracts/session/run.ts';
import { sessionKey } from '../../contracts/session/session-key.ts';
import { listRuns } from '../../store/read/list-runs.ts';
import { requireRun, requireReadableSession } from '../answers/require-session.ts';
import { readsAll } from '../http/caller.ts';
import { stopIfUnread } from '../answers/stop-if-unread.ts';
import { readFamily } from '../../store/children/read-family.ts';
import { visibleRun } from '../answers/visible-run.ts';
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
export function runRoutes({ db, live, sender }: GatewayDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/sessions/{id}/runs',
      access: 'read',
      operators: { action: 'runs.list', what: 'runs' },
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
      access: 'read',
      operators: { action: 'run.read', what: 'runs' },
      summary: 'Get a run: steps, tool calls, timings, usage',
      responses: { 200: { description: 'The run', schema: runDetailSchema } },
      async handle({ user, caller, param }) {
        const key = await requireReadableSession(db, user, param('id'));
        const run = visibleRun(await requireRun(db, key, param('run')), readsAll(caller));
        return Response.json({ ...run, ...(await readFamily(db, key, run.id)) });
      },
    }),
    route({
      method: 'post',
      path: '/v1/sessions/{id}/runs/{run}/cancel',
      access: 'write',
      operators: { action: 'run.cancel', what: 'runs', act: 'cancel' },
      summary: 'Stop a run immediately',
      body: cancelBody,
      responses: CANCEL_RESPONSES,
      async handle({ user, param }) {
        const key = sessionKey(user, param('id'));
        const { id } = await stopIfUnread(live, key, param('run'), async () => {
          await requireReadableSession(db, user, param('id'));
          return await requireRun(db, key, param('run'));
        });
        return Response.json(await sender.cancel(key, { runId: id }));
      },
    }),
    route({
      method: 'post',
      path: '/v1/sessions/{id}/runs/{run}/resume',
      access: 'write',
      operators: { action: 'run.resume', what: 'runs', act: 'resume' },
      summary: 'Continue a failed run after its last completed step',
      body: z.strictObject({}),
      responses: { 200: { description: 'The run', schema: runDetailSchema } },
      async handle({ user, caller, param }) {
        const key = await requireReadableSession(db, user, param('id'));
        const { id } = await requireRun(db, key, param('run'));
        await sender.resume(key, { runId: id });
        return Response.json(visibleRun(await requireRun(db, key, id), readsAll(caller)));
      },
    }),
  ];
}
