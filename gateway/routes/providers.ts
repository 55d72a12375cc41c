import { providerStatusSchema } from '../../contracts/provider.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { providerStatuses } from '../answers/provider-status.ts';
import { pageOf, route, type Route } from '../http/route.ts';

/** Model providers, as seen by all workers. Contains only numbers of calls and waits, nothing about users. */
export function providerRoutes({ db, deployment }: GatewayDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/providers',
      access: 'read',
      summary: 'Limits, circuits and waits of the model providers',
      responses: { 200: { description: 'All providers', schema: pageOf(providerStatusSchema) } },
      handle: async () => Response.json({ data: await providerStatuses(db, deployment), nextCursor: null }),
    }),
  ];
}
