import { z } from 'zod';
import { fleetSchema } from '../../../contracts/admin/fleet.ts';
import { runOrderSchema } from '../../../contracts/session/run.ts';
import { appendAudit } from '../../../store/admin/audit/append-audit.ts';
import { FleetMonitor } from '../../answers/fleet-monitor.ts';
import type { GatewayDeps } from '../../answers/gateway-deps.ts';
import { route, type Route } from '../../http/route.ts';

const fleetQuery = z.object({
  order: runOrderSchema.default('slowest'),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});

/** For operators: the totals of all users, and the open runs to look at first. */
export function fleetRoutes(deps: GatewayDeps): Route[] {
  const { db } = deps;
  const monitor = new FleetMonitor(deps);
  return [
    route({
      method: 'get',
      path: '/v1/fleet',
      access: 'inspect',
      reserved: 'see the fleet',
      summary:
        'For operators: sessions, runs, workers, tokens and cost of all users now, and the open runs that are slowest, dearest, newest or have waited longest',
      query: fleetQuery,
      responses: { 200: { description: 'The totals and the open runs', schema: fleetSchema } },
      async handle({ caller, query: { order, limit } }) {
        const { user: actor } = caller;
        if (monitor.isFirstOf(actor)) {
          await appendAudit(db, { actor, action: 'fleet.read', user: null, sessionId: null, runId: null });
        }
        return Response.json(await monitor.read(order, limit));
      },
    }),
  ];
}
