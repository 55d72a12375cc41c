import { z } from 'zod';
import type { Metrics } from '../../telemetry/metrics.ts';
import { readinessOf } from '../../telemetry/readiness.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { route, type Route } from '../route.ts';

const readinessSchema = z.object({
  status: z.enum(['ready', 'unavailable']),
  /** True for each part that answers. */
  checks: z.object({ store: z.boolean(), temporal: z.boolean(), live: z.boolean() }),
});

/** For load balancers and scrapers. Open to all: they tell nothing of anyone. */
export function operationRoutes({ db, sender, live }: GatewayParts, metrics: Metrics): Route[] {
  return [
    route({
      method: 'get',
      path: '/healthz',
      summary: 'Whether the process lives',
      open: true,
      answers: { 200: { description: 'It does', schema: z.object({ status: z.literal('ok') }) } },
      handle: async () => Response.json({ status: 'ok' }),
    }),
    route({
      method: 'get',
      path: '/readyz',
      summary: 'Whether store, Temporal and live channel answer',
      open: true,
      answers: {
        200: { description: 'All answer', schema: readinessSchema },
        503: { description: 'Some do not', schema: readinessSchema },
      },
      async handle() {
        const readiness = await readinessOf({
          store: () => db.query('SELECT 1').then(() => true),
          temporal: () => sender.ready(),
          live: () => live.ready(),
        });
        const unavailable = { status: 503, headers: { 'retry-after': '1' } };
        return Response.json(readiness, readiness.status === 'ready' ? {} : unavailable);
      },
    }),
    route({
      method: 'get',
      path: '/metrics',
      summary: 'Metrics for Prometheus',
      open: true,
      answers: { 200: { description: 'Text format, or OpenMetrics where Accept names it', mediaType: 'text/plain' } },
      async handle({ headers }) {
        const { text, contentType } = await metrics.scrape(headers.get('accept'));
        return new Response(text, { headers: { 'content-type': contentType } });
      },
    }),
  ];
}
