import { z } from 'zod';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { route, type Route } from '../route.ts';

/** A part that has not answered by then is not ready. */
const PATIENCE_MS = 2_000;

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
        const [store, temporal, channel] = await Promise.all([
          inTime(db.query('SELECT 1').then(() => true)),
          inTime(sender.ready()),
          inTime(live.ready()),
        ]);
        const ready = store && temporal && channel;
        return Response.json(
          { status: ready ? 'ready' : 'unavailable', checks: { store, temporal, live: channel } },
          ready ? {} : { status: 503, headers: { 'retry-after': '1' } },
        );
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

async function inTime(check: Promise<boolean>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), PATIENCE_MS);
  check.then(resolve, () => resolve(false));
  return promise.finally(() => clearTimeout(timer));
}
