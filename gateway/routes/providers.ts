import { providerStatusSchema } from '../../contracts/provider.ts';
import type { GatewayParts } from '../answers/gateway-parts.ts';
import { providerStatuses } from '../answers/provider-status.ts';
import { pageOf, route, type Route } from '../http/route.ts';

/** The providers of models, as all workers see them. It tells of nobody: of calls and waits there is the number only. */
export function providerRoutes({ db, deployment }: GatewayParts): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/providers',
      summary: 'Limits, circuits and waits of the providers of models',
      answers: { 200: { description: 'All of them', schema: pageOf(providerStatusSchema) } },
      handle: async () => Response.json({ data: await providerStatuses(db, deployment), nextCursor: null }),
    }),
  ];
}
