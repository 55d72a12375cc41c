import { PerdureError } from '../../contracts/errors.ts';
import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';
import { runWhySchema, sessionWhySchema } from '../../contracts/why.ts';
import { explainRun } from '../../core/why/explain-run.ts';
import type { Db } from '../../store/db/db.ts';
import { findRun } from '../../store/read/find-run.ts';
import { readRunFacts } from '../../store/read/read-run-facts.ts';
import { requireReadableSession } from '../answers/require-session.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { route, type Route } from '../http/route.ts';
import { snapshotOf } from '../answers/session-snapshot.ts';
import { whySession } from '../answers/why-session.ts';

const RUN_RESPONSES = { 200: { description: 'Spans, sums and a summary', schema: runWhySchema } };

/** What sessions wait for, and where the time and money of runs went. */
export function whyRoutes(deps: GatewayDeps): Route[] {
  const { db } = deps;
  return [
    route({
      method: 'get',
      path: '/v1/sessions/{id}/why',
      summary: 'What a session waits for, since when, who can unblock it, and when it times out',
      responses: { 200: { description: 'Facts and a paragraph', schema: sessionWhySchema } },
      async handle({ user, param }) {
        const key = await requireReadableSession(db, user, param('id'));
        return Response.json(await whySession(deps, key, await snapshotOf(deps, key)));
      },
    }),
    route({
      method: 'get',
      path: '/v1/sessions/{id}/runs/{run}/why',
      summary: "Where a run's time and money went",
      responses: RUN_RESPONSES,
      async handle({ user, param }) {
        const key = await requireReadableSession(db, user, param('id'));
        return Response.json(await whyRun(db, key, param('run')));
      },
    }),
    route({
      method: 'get',
      path: '/v1/runs/{run}/why',
      summary: 'Where the time and money of any of your runs went, in a session or without one',
      responses: RUN_RESPONSES,
      async handle({ user, param }) {
        const runId = param('run');
        // Validates the user.
        const { user: owner } = sessionKey(user, runId);
        const key = await findRun(db, owner, runId);
        return Response.json(await whyRun(db, key, runId));
      },
    }),
  ];
}

async function whyRun(db: Db, key: SessionKey | null, runId: string): Promise<ReturnType<typeof explainRun>> {
  const facts = key && (await readRunFacts(db, key, runId));
  if (facts !== null) return explainRun(facts);
  const where = key === null ? 'in any of your sessions' : `in the session ${JSON.stringify(key.session)}`;
  throw new PerdureError(
    'not_found',
    `There is no run ${JSON.stringify(runId.slice(0, 100))} ${where}. \`perdure runs <session>\` lists a session's runs.`,
  );
}
