import { createHash, timingSafeEqual } from 'node:crypto';
import { bearerToken } from '../core/text/bearer-token.ts';
import type { Metrics } from './metrics.ts';
import { readinessOf } from './readiness.ts';

/** `/healthz`: the process is running. */
export function healthResponse(): Response {
  return Response.json({ status: 'ok' });
}

/** `/readyz`: 200 when every check succeeds, otherwise 503. `details` is called after the checks and extends the body. */
export async function readinessResponse(
  checks: Readonly<Record<string, () => Promise<boolean>>>,
  details: () => object = () => ({}),
): Promise<Response> {
  const readiness = await readinessOf(checks);
  const unavailable = { status: 503, headers: { 'retry-after': '1' } };
  return Response.json({ ...readiness, ...details() }, readiness.status === 'ready' ? {} : unavailable);
}

/** Whether a request may read `/metrics`: with a token, the header `Authorization: Bearer` must carry it. */
export function mayReadMetrics(token: string | undefined, authorization: string | null | undefined): boolean {
  if (token === undefined) return true;
  const given = bearerToken(authorization) ?? '';
  return timingSafeEqual(hashOf(given), hashOf(token));
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** `/metrics` in the text format of Prometheus, or in OpenMetrics if `accept` requests it. */
export async function metricsResponse(metrics: Metrics, accept: string | null): Promise<Response> {
  const { text, contentType } = await metrics.scrape(accept);
  return new Response(text, { headers: { 'content-type': contentType } });
}
