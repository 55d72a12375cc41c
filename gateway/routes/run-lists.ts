import { z } from 'zod';
import { daySchema } from '../../contracts/time.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { listedRunsSchema, runOrderSchema, runStatusSchema, type ListedRuns } from '../../contracts/session/run.ts';
import { listRunsOfAll } from '../../store/admin/reports/list-runs-of-all.ts';
import { listUserRuns } from '../../store/read/list-user-runs.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { selectUser } from '../answers/select-user.ts';
import { userQuery } from '../http/operators.ts';
import { route, type Route } from '../http/route.ts';

const listQuery = z.object({
  order: runOrderSchema.default('newest'),
  status: runStatusSchema.optional(),
  from: daySchema.optional(),
  to: daySchema.optional(),
  /** The beginning or the end of a run's id. The Temporal UI shows the end. */
  id: z
    .string()
    .regex(/^(run-)?[0-9a-f-]{4,36}$/, 'Expected 4 to 36 characters of a run id.')
    .optional(),
  limit: z.coerce.number().int().min(1).max(LIMITS.runsPerList.value).default(20),
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
        'List your runs, in all sessions and without one: the newest, slowest or dearest; for operators, also of another user or of all',
      query: listQuery,
      responses: { 200: { description: 'Runs, in the order asked for', schema: listedRunsSchema } },
      async handle({ caller, query: { user, all, from = null, to = null, status = null, id = null, ...rest } }) {
        const owner = await selectUser(deps, caller, { user, all }, { action: 'runs.list', what: 'runs' });
        const listing = { ...rest, from, to, status, id };
        const data = owner === null ? await listRunsOfAll(db, listing) : await listUserRuns(db, owner, listing);
        return Response.json({ data } satisfies ListedRuns);
      },
    }),
  ];
}
