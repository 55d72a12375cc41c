import { sessionKey } from '../../contracts/session/session-key.ts';
import { runWhySchema, sessionWhySchema } from '../../contracts/why.ts';
import { readHead } from '../../store/read/read-head.ts';
import { requireReadableSession, requireSessionOfRun } from '../answers/require-session.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { route, type Route } from '../http/route.ts';
import { snapshotOf } from '../answers/session-snapshot.ts';
import { whyPendingSession } from '../answers/pending-messages.ts';
import { whyRun } from '../answers/why/why-run.ts';
import { whySession } from '../answers/why/why-session.ts';

const RUN_RESPONSES = { 200: { description: 'Spans, sums and a summary', schema: runWhySchema } };

/** What sessions wait for, and where the time and money of runs went. */
export function whyRoutes(deps: GatewayDeps): Route[] {
  const { db } = deps;
  return [
    route({
      method: 'get',
      path: '/v1/sessions/{id}/why',
      access: 'read',
      operators: { action: 'why.read', what: 'sessions' },
      summary: 'What a session waits for, since when, who can unblock it, and when it times out',
      responses: { 200: { description: 'Facts and a paragraph', schema: sessionWhySchema } },
      async handle({ user, param }) {
        const key = sessionKey(user, param('id'));
        const pending = (await readHead(db, key)) === null ? await whyPendingSession(deps, key) : null;
        if (pending !== null) return Response.json(pending);
        await requireReadableSession(db, user, param('id'));
        return Response.json(await whySession(deps, key, await snapshotOf(deps, key)));
      },
    }),
    route({
      method: 'get',
      path: '/v1/sessions/{id}/runs/{run}/why',
      access: 'read',
      operators: { action: 'why.read', what: 'runs' },
      summary: "Where a run's time and money went",
      responses: RUN_RESPONSES,
      async handle({ user, param }) {
        const key = await requireReadableSession(db, user, param('id'));
        return Response.json(await whyRun(deps, key, param('run')));
      },
    }),
    route({
      method: 'get',
      path: '/v1/runs/{run}/why',
      access: 'read',
      operators: { action: 'why.read', what: 'runs' },
      summary: 'Where the time and money of any of your runs went, in a session or without one',
      responses: RUN_RESPONSES,
      async handle({ user, param }) {
        const key = await requireSessionOfRun(db, user, param('run'));
        return Response.json(await whyRun(deps, key, param('run')));
      },
    }),
  ];
}
