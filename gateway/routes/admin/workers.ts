import { workersSchema } from '../../../contracts/worker.ts';
import { countWorkers } from '../../answers/count-workers.ts';
import type { GatewayDeps } from '../../answers/gateway-deps.ts';
import { route, type Route } from '../../http/route.ts';

/** Whether workers take messages. */
export function workerRoutes(deps: GatewayDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/workers',
      access: 'read',
      summary: 'How many workers take work, and when one was last seen',
      responses: { 200: { description: 'Their number', schema: workersSchema } },
      handle: async () => Response.json(await countWorkers(deps)),
    }),
  ];
}
