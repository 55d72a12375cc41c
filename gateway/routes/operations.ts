import { z } from 'zod';
import { circuitPhaseSchema, isTroubled, providerStatusSchema, type ProviderStatus } from '../../contracts/provider.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { readinessOf } from '../../telemetry/readiness.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { providerStatuses } from '../answers/provider-status.ts';
import { route, type Route } from '../http/route.ts';

const readinessSchema = z.object({
  status: z.enum(['ready', 'unavailable']),
  /** True for each part that answers. */
  checks: z.object({ store: z.boolean(), temporal: z.boolean(), live: z.boolean() }),
  /** Providers of models in trouble. They make nothing unready: runs wait for them. Empty while the store does not answer. */
  providers: z.array(
    providerStatusSchema.pick({ provider: true, coolDownUntil: true }).extend({ circuit: circuitPhaseSchema }),
  ),
});

/** For load balancers and scrapers. Open to all: they tell nothing of anyone. */
export function operationRoutes({ db, sender, live, deployment }: GatewayDeps, metrics: Metrics): Route[] {
  return [
    route({
      method: 'get',
      path: '/healthz',
      summary: 'Whether the process lives',
      open: true,
      responses: { 200: { description: 'It does', schema: z.object({ status: z.literal('ok') }) } },
      handle: async () => Response.json({ status: 'ok' }),
    }),
    route({
      method: 'get',
      path: '/readyz',
      summary: 'Whether store, Temporal and live channel answer',
      open: true,
      responses: {
        200: { description: 'All answer', schema: readinessSchema },
        503: { description: 'Some do not', schema: readinessSchema },
      },
      async handle() {
        let providers: readonly ProviderStatus[] = [];
        const readiness = await readinessOf({
          store: async () => {
            providers = await providerStatuses(db, deployment);
            return true;
          },
          temporal: () => sender.ready(),
          live: () => live.ready(),
        });
        const troubled = providers
          .filter(isTroubled)
          .map(({ provider, circuit, coolDownUntil }) => ({ provider, circuit: circuit.state, coolDownUntil }));
        const unavailable = { status: 503, headers: { 'retry-after': '1' } };
        return Response.json({ ...readiness, providers: troubled }, readiness.status === 'ready' ? {} : unavailable);
      },
    }),
    route({
      method: 'get',
      path: '/metrics',
      summary: 'Metrics for Prometheus',
      open: true,
      responses: { 200: { description: 'Text format, or OpenMetrics where Accept names it', mediaType: 'text/plain' } },
      async handle({ headers }) {
        const { text, contentType } = await metrics.scrape(headers.get('accept'));
        return new Response(text, { headers: { 'content-type': contentType } });
      },
    }),
  ];
}
