import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { cleanRequestSchema, sweepSchema } from '../../contracts/maintenance.ts';
import { readSweep } from '../../store/admin/sweeps.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { route, type Route } from '../route.ts';

/** Cleaning up one's own sessions. Everybody's are the schedule's. */
export function maintenanceRoutes({ db, sender }: GatewayParts): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/maintenance/clean',
      summary: 'Clean up your sessions',
      body: cleanRequestSchema,
      answers: { 202: { description: 'It is begun', schema: z.object({ sweepId: z.string() }) } },
      handle: async ({ user, body }) => Response.json({ sweepId: await sender.clean(user, body) }, { status: 202 }),
    }),
    route({
      method: 'get',
      path: '/v1/maintenance/sweeps/{sweep}',
      summary: 'What a clean-up of yours did, to which sessions and why',
      answers: { 200: { description: 'The report, so far', schema: sweepSchema } },
      async handle({ user, param }) {
        const sweep = await readSweep(db, user, param('sweep'));
        if (sweep !== null) return Response.json(sweep);
        throw new PerdureError(
          'not_found',
          `There is no clean-up ${JSON.stringify(param('sweep').slice(0, 80))} of yours. One that was just begun is there once a worker has taken it.`,
        );
      },
    }),
  ];
}
