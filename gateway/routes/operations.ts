import { z } from 'zod';
import {
  circuitPhaseSchema,
  isUnhealthy,
  providerStatusSchema,
  type ProviderStatus,
} from '../../contracts/provider.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { healthResponse, metricsResponse, readinessResponse } from '../../telemetry/operational-responses.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { providerStatuses } from '../answers/provider-status.ts';
import { route, type Route } from '../http/route.ts';

const readinessSchema = z.object({
  status: z.enum(['ready', 'unavailable']),
  /** True for each dependency that responds. */
  checks: z.object({ store: z.boolean(), temporal: z.boolean(), live: z.boolean() }),
  /** Unhealthy model providers. They do not affect the status: runs wait for them. Empty while the store is unavailable. */
  providers: z.array(
    providerStatusSchema.pick({ provider: true, coolDownUntil: true }).extend({ circuit: circuitPhaseSchema }),
  ),
});

/** Endpoints for load balancers and scrapers. They need no authentication and contain nothing about users. */
export function operationRoutes({ db, sender, live, deployment }: GatewayDeps, metrics: Metrics): Route[] {
  return [
    route({
      method: 'get',
      path: '/healthz',
      summary: 'Whether the process is running',
      open: true,
      responses: { 200: { description: 'It is running', schema: z.object({ status: z.literal('ok') }) } },
      handle: async () => healthResponse(),
    }),
    route({
      method: 'get',
      path: '/readyz',
      summary: 'Whether the store, Temporal and the live channel respond',
      open: true,
      responses: {
        200: { description: 'All respond', schema: readinessSchema },
        503: { description: 'At least one does not respond', schema: readinessSchema },
      },
      async handle() {
        let providers: readonly ProviderStatus[] = [];
        const checks = {
          store: async () => {
            providers = await providerStatuses(db, deployment);
            return true;
          },
          temporal: () => sender.ready(),
          live: () => live.ready(),
        };
        return await readinessResponse(checks, () => ({ providers: providers.filter(isUnhealthy).map(summaryOf) }));
      },
    }),
    route({
      method: 'get',
      path: '/metrics',
      summary: 'Metrics for Prometheus',
      open: true,
      responses: {
        200: { description: 'Text format, or OpenMetrics if Accept requests it', mediaType: 'text/plain' },
      },
      handle: async ({ headers }) => await metricsResponse(metrics, headers.get('accept')),
    }),
  ];
}

function summaryOf({ provider, circuit, coolDownUntil }: ProviderStatus) {
  return { provider, circuit: circuit.state, coolDownUntil };
}
