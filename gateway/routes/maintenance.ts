import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { cleanRequestSchema, sweepPageSchema, sweepSchema } from '../../contracts/maintenance.ts';
import { listSweeps, readSweep } from '../../store/admin/sweeps/read-sweeps.ts';
import type { GatewayParts } from '../answers/gateway-parts.ts';
import { whoseOf, whoseQuery } from '../http/operators.ts';
import { pageQuery, route, type Route } from '../http/route.ts';

const { sweepsPerPage, sweepActionsPerPage } = LIMITS;

const cleanBody = cleanRequestSchema.extend({ user: whoseQuery.user, all: z.boolean().default(false) });
const listQuery = z.object({
  ...whoseQuery,
  ...pageQuery(sweepsPerPage.value),
});
const readQuery = z.object(pageQuery(sweepActionsPerPage.value, sweepActionsPerPage.value));

/** Clean-ups of one's own sessions, and for operators of others'. */
export function maintenanceRoutes({ db, sender, isOperator }: GatewayParts): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/maintenance/clean',
      summary: 'Clean up your sessions, or for operators those of another user or of all',
      body: cleanBody,
      answers: { 202: { description: 'It is begun', schema: z.object({ sweepId: z.string() }) } },
      async handle({ user: caller, body: { user, all, ...request } }) {
        const whose = whoseOf(isOperator, caller, { user, all }, 'sessions', 'clean up');
        return Response.json({ sweepId: await sender.clean(whose, request) }, { status: 202 });
      },
    }),
    route({
      method: 'get',
      path: '/v1/maintenance/sweeps',
      summary: 'Clean-ups of your sessions, newest first; for operators, those of others and of the schedule',
      query: listQuery,
      answers: { 200: { description: 'A page', schema: sweepPageSchema } },
      async handle({ user: caller, query: { user, all, ...page } }) {
        return Response.json(await listSweeps(db, whoseOf(isOperator, caller, { user, all }, 'clean-ups'), page));
      },
    }),
    route({
      method: 'get',
      path: '/v1/maintenance/sweeps/{sweep}',
      summary: 'What a clean-up did, to which sessions and why: one of your sessions, or for operators any',
      query: readQuery,
      answers: { 200: { description: 'The report, so far', schema: sweepSchema } },
      async handle({ user, param, query }) {
        const operator = isOperator(user);
        const sweep = await readSweep(db, operator ? null : user, param('sweep'), query);
        if (sweep !== null) return Response.json(sweep);
        throw new PerdureError(
          'not_found',
          `There is no clean-up ${JSON.stringify(param('sweep').slice(0, 80))}${operator ? '' : ' of yours'}. One that was just begun is there once a worker has taken it, and reports go after 30 days.`,
        );
      },
    }),
  ];
}
