import { z } from 'zod';
import { daySchema } from '../../contracts/time.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { queryNumber, runFilterFields } from '../../contracts/session/list-filters.ts';
import { listedRunsSchema, runOrderSchema } from '../../contracts/session/run.ts';
import { listRunsOfAll } from '../../store/admin/reports/list-runs-of-all.ts';
import { listUserRuns } from '../../store/read/lists/list-user-runs.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { selectUser } from '../answers/select-user.ts';
import { userQuery } from '../http/operators.ts';
import { pageQuery, route, type Route } from '../http/route.ts';

const listQuery = z.object({
  order: runOrderSchema.default('newest'),
  ...runFilterFields(queryNumber),
  from: daySchema.optional(),
  to: daySchema.optional(),
  /** The beginning or the end of a run's id. The Temporal UI shows the end. */
  id: z
    .string()
    .regex(/^(run-)?[0-9a-f-]{4,36}$/, 'Expected 4 to 36 characters of a run id.')
    .optional(),
  ...pageQuery(LIMITS.runsPerList.value, 20),
  ...userQuery,
});

/** Runs of all sessions of a user. */
export function runListRoutes(deps: GatewayDeps): Route[] {
  const { db } = deps;
  return [
    route({
      method: 'get',
      path: '/v1/runs',
      access: 'read',
      summary:
        'List your runs, in all sessions and without one: the newest, slowest, dearest or longest waiting first; for operators, also of another user or of all',
      query: listQuery,
      responses: { 200: { description: 'A page, in the order asked for', schema: listedRunsSchema } },
      async handle({ caller, query: { user, all, ...listing } }) {
        const owner = await selectUser(deps, caller, { user, all }, { action: 'runs.list', what: 'runs' });
        return Response.json(
          owner === null ? await listRunsOfAll(db, listing) : await listUserRuns(db, owner, listing),
        );
      },
    }),
  ];
}
