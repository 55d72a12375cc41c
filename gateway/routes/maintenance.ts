import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { cleanRequestSchema, sweepPageSchema, sweepSchema } from '../../contracts/maintenance.ts';
import { listSweeps, readSweep } from '../../store/admin/sweeps/read-sweeps.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { requestedUser, userQuery } from '../http/operators.ts';
import { pageQuery, route, type Route } from '../http/route.ts';

const { sweepsPerPage, sweepActionsPerPage } = LIMITS;

const cleanBody = cleanRequestSchema.extend({ user: userQuery.user, all: z.boolean().default(false) });
const listQuery = z.object({
  ...userQuery,
  ...pageQuery(sweepsPerPage.value),
});
const readQuery = z.object(pageQuery(sweepActionsPerPage.value, sweepActionsPerPage.value));

/** Clean-ups of the caller's sessions; for operators, also of those of others. */
export function maintenanceRoutes({ db, sender, isOperator }: GatewayDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/maintenance/clean',
      summary: 'Clean up your sessions; for operators, also those of another user or of all',
      body: cleanBody,
      responses: { 202: { description: 'The clean-up has started', schema: z.object({ sweepId: z.string() }) } },
      async handle({ user: caller, body: { user, all, ...request } }) {
        const owner = requestedUser(isOperator, caller, { user, all }, 'sessions', 'clean up');
        return Response.json({ sweepId: await sender.clean(owner, request) }, { status: 202 });
      },
    }),
    route({
      method: 'get',
      path: '/v1/maintenance/sweeps',
      summary:
        'List clean-ups of your sessions, newest first; for operators, also those of others and the scheduled ones',
      query: listQuery,
      responses: { 200: { description: 'A page', schema: sweepPageSchema } },
      async handle({ user: caller, query: { user, all, ...page } }) {
        return Response.json(await listSweeps(db, requestedUser(isOperator, caller, { user, all }, 'clean-ups'), page));
      },
    }),
    route({
      method: 'get',
      path: '/v1/maintenance/sweeps/{sweep}',
      summary:
        'Get the report of a clean-up of your sessions, with its actions and their reasons; for operators, of any clean-up',
      query: readQuery,
      responses: { 200: { description: 'The report, complete or in progress', schema: sweepSchema } },
      async handle({ user, param, query }) {
        const operator = isOperator(user);
        const sweep = await readSweep(db, operator ? null : user, param('sweep'), query);
        if (sweep !== null) return Response.json(sweep);
        throw new PerdureError(
          'not_found',
          `There is no clean-up ${JSON.stringify(param('sweep').slice(0, 80))}${operator ? '' : ' of yours'}. A new one appears once a worker has started it; reports are deleted after 30 days.`,
        );
      },
    }),
  ];
}
