import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import {
  circuitPhaseSchema,
  isUnhealthy,
  providerStatusSchema,
  type ProviderStatus,
} from '../../contracts/provider.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import {
  healthResponse,
  mayReadMetrics,
  metricsResponse,
  readinessResponse,
} from '../../telemetry/operational-responses.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { providerStatuses } from '../answers/provider-status.ts';
import { route, type Route } from '../http/route.ts';

const readinessSchema = z.object({
  status: z.enum(['ready', 'unavailable']),
  /** True for each dependency that responds. */
  checks: z.object({ store: z.boolean(), temporal: z.boolean(), live: z.boolean() }),
  /** Whether the workflows of sessions can go on: false while search attributes are missing in Temporal, null if unknown. It does not affect the status: messages are accepted. */
  workflows: z.boolean().nullable(),
  /** Whether Redis responds; null without `REDIS_URL`. It does not affect the status: PostgreSQL carries live messages then. */
  redis: z.boolean().nullable(),
  /** Whether the store is in memory: everything is lost when the process ends. */
  inMemory: z.boolean(),
  /** Unhealthy model providers. They do not affect the status: runs wait for them. Empty while the store is unavailable. */
  providers: z.array(
    providerStatusSchema.pick({ provider: true, coolDownUntil: true }).extend({ circuit: circuitPhaseSchema }),
  ),
});

/** Endpoints for load balancers and scrapers, which contain nothing about users. Only `/metrics` needs a credential, if `metricsToken` is set. */
export function operationRoutes(
  { db, sender, live, deployment, redis }: GatewayDeps & { readonly redis: { readonly isUsed: boolean } | undefined },
  metrics: Metrics,
  metricsToken: string | undefined,
): Route[] {
  return [
    route({
      method: 'get',
      path: '/healthz',
      access: 'open',
      summary: 'Whether the process is running',
      responses: { 200: { description: 'It is running', schema: z.object({ status: z.literal('ok') }) } },
      handle: async () => healthResponse(),
    }),
    route({
      method: 'get',
      path: '/readyz',
      access: 'open',
      summary: 'Whether the store, Temporal and the live channel respond',
      responses: {
        200: { description: 'All respond', schema: readinessSchema },
        503: { description: 'At least one does not respond', schema: readinessSchema },
      },
      async handle() {
        let providers: readonly ProviderStatus[] = [];
        let workflows: boolean | null = null;
        const checks = {
          store: async () => {
            providers = await providerStatuses(db, deployment);
            return true;
          },
          temporal: async () => {
            const [ready, found] = await Promise.all([sender.ready(), sender.workflowsReady().catch(() => null)]);
            workflows = found;
            return ready;
          },
          live: () => live.ready(),
        };
        return await readinessResponse(checks, () => ({
          workflows,
          redis: redis?.isUsed ?? null,
          inMemory: db.isInMemory === true,
          providers: providers.filter(isUnhealthy).map(summaryOf),
        }));
      },
    }),
    route({
      method: 'get',
      path: '/metrics',
      access: 'open',
      summary: 'Metrics for Prometheus',
      responses: {
        200: { description: 'Text format, or OpenMetrics if Accept requests it', mediaType: 'text/plain' },
      },
      async handle({ headers }) {
        if (mayReadMetrics(metricsToken, headers.get('authorization'))) {
          return await metricsResponse(metrics, headers.get('accept'));
        }
        throw new PerdureError(
          'unauthenticated',
          'The metrics need a token. Send the header Authorization: Bearer with the token of PERDURE_METRICS_TOKEN.',
        );
      },
    }),
  ];
}

function summaryOf({ provider, circuit, coolDownUntil }: ProviderStatus) {
  return { provider, circuit: circuit.state, coolDownUntil };
}
