import { randomUUID } from 'node:crypto';
import type { Hono } from 'hono';
import { PerdureError } from '../../contracts/errors.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import type { Authenticate } from './authenticate.ts';
import { checkShape } from './check-shape.ts';
import { problemResponse } from './problem.ts';
import { readJsonBody } from './read-body.ts';
import type { Route } from './route.ts';

export interface RegisterOptions {
  readonly authenticate: Authenticate;
  readonly telemetry: Telemetry;
}

/** Puts routes on an app: requests are numbered, authenticated, validated; errors become problems. */
export function registerRoutes(app: Hono, routes: readonly Route[], options: RegisterOptions): void {
  for (const route of routes) {
    const path = route.path.replace(/\{(\w+)\}/g, ':$1');
    app.on(route.method.toUpperCase(), path, async (c) =>
      traced(options, route, c.req.raw, () =>
        answered(options, { method: c.req.method, path: route.path }, async () =>
          handle(route, c.req.raw, (name) => c.req.param(name) ?? '', options.authenticate),
        ),
      ),
    );
  }
  app.notFound(async (c) =>
    answered(options, { method: c.req.method, path: '' }, async () => {
      throw new PerdureError(
        'not_found',
        `There is no ${c.req.method} ${c.req.path.slice(0, 200)} here. The calls are listed at /openapi.json.`,
      );
    }),
  );
}

/** A span from the request to the head of its answer, under the caller's where it names one. Probes have none. */
async function traced(
  { telemetry: { tracing } }: RegisterOptions,
  { path, open }: Route,
  { method, headers }: Request,
  work: () => Promise<Response>,
): Promise<Response> {
  if (!tracing.on || open === true) return work();
  const attributes = { 'http.request.method': methodOf(method), 'http.route': path };
  const parent = headers.get('traceparent');
  return tracing.span(`${methodOf(method)} ${path}`, { kind: 'server', attributes, parent }, async (span) => {
    const response = await work();
    const requestId = response.headers.get('x-request-id') ?? undefined;
    span.setAttributes({ 'http.response.status_code': response.status, 'perdure.request.id': requestId });
    if (response.status >= 500) span.fail(String(response.status));
    return response;
  });
}

async function answered(
  { telemetry: { log, metrics } }: RegisterOptions,
  route: { readonly method: string; readonly path: string },
  work: () => Promise<Response>,
): Promise<Response> {
  const requestId = randomUUID();
  const began = performance.now();
  let response: Response;
  try {
    response = await work();
  } catch (error) {
    const isOurs = !(error instanceof PerdureError) || error.code === 'internal';
    if (isOurs) log.error('Request failed', { requestId, route: route.path, error });
    response = problemResponse(error, requestId);
  }
  response.headers.set('x-request-id', requestId);
  const status = String(response.status);
  const durationMs = performance.now() - began;
  log.debug('Request answered', { requestId, route: route.path, status: response.status, durationMs });
  metrics.answers.add({ status });
  metrics.httpSeconds.record(
    { http_request_method: methodOf(route.method), http_route: route.path, http_response_status_code: status },
    durationMs / 1_000,
  );
  return response;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Of the conventions: a method that nobody knows is not shown. */
function methodOf(method: string): string {
  return METHODS.has(method) ? method : '_OTHER';
}

async function handle(
  route: Route,
  request: Request,
  param: (name: string) => string,
  authenticate: Authenticate,
): Promise<Response> {
  const url = new URL(request.url);
  // Strangers are not told whether their request is well formed.
  const user = route.open === true ? '' : authenticate(request);
  checkEncoding(url.pathname);
  const query = route.query === undefined ? {} : checkShape(route.query, Object.fromEntries(url.searchParams), 'query');
  const body =
    route.body === undefined
      ? {}
      : checkShape(route.body, (await readJsonBody(request, route.bodyBytes)) ?? {}, 'body');
  return route.handle({
    user,
    param,
    query: query as never,
    rawQuery: url.searchParams,
    body: body as never,
    headers: request.headers,
    // Node's adapter makes the signal when it is asked for.
    get signal() {
      return request.signal;
    },
  });
}

/** A part that is not well encoded would otherwise be taken as it stands, for another id. */
function checkEncoding(path: string): void {
  try {
    decodeURIComponent(path);
  } catch {
    throw new PerdureError(
      'invalid_request',
      `The path ${JSON.stringify(path.slice(0, 200))} is not percent-encoded UTF-8. Encode ids as encodeURIComponent does.`,
    );
  }
}
