import { randomUUID } from 'node:crypto';
import type { Hono } from 'hono';
import { PerdureError } from '../../contracts/errors.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import type { Authenticate } from './authenticate.ts';
import { parseInput } from './parse-input.ts';
import { problemResponse } from './problem.ts';
import { readJsonBody } from './read-body.ts';
import type { Route } from './route.ts';

export interface RegisterOptions {
  readonly authenticate: Authenticate;
  readonly telemetry: Telemetry;
}

/** Registers routes with an app. Each request gets an id, is authenticated and validated; errors become problem responses. */
export function registerRoutes(app: Hono, routes: readonly Route[], options: RegisterOptions): void {
  for (const route of routes) {
    const path = route.path.replace(/\{(\w+)\}/g, ':$1');
    app.on(route.method.toUpperCase(), path, async (c) =>
      withSpan(options, route, c.req.raw, () =>
        respond(options, { method: c.req.method, path: route.path }, async () =>
          handle(route, c.req.raw, (name) => c.req.param(name) ?? '', options.authenticate),
        ),
      ),
    );
  }
  app.notFound(async (c) =>
    respond(options, { method: c.req.method, path: '' }, async () => {
      throw new PerdureError(
        'not_found',
        `There is no endpoint ${c.req.method} ${c.req.path.slice(0, 200)}. All endpoints are listed at /openapi.json.`,
      );
    }),
  );
}

/** Runs `work` in a span that ends when the response begins, a child of the caller's span if `traceparent` has one. Open routes have no span. */
async function withSpan(
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

/** Runs `work`, turns errors into problem responses, and records log line and metrics. */
async function respond(
  { telemetry: { log, metrics } }: RegisterOptions,
  route: { readonly method: string; readonly path: string },
  work: () => Promise<Response>,
): Promise<Response> {
  const requestId = randomUUID();
  const startedAt = performance.now();
  let response: Response;
  try {
    response = await work();
  } catch (error) {
    const isFault = !(error instanceof PerdureError) || error.code === 'internal';
    if (isFault) log.error('Request failed', { requestId, route: route.path, error });
    response = problemResponse(error, requestId);
  }
  response.headers.set('x-request-id', requestId);
  const status = String(response.status);
  const durationMs = performance.now() - startedAt;
  log.debug('Request answered', { requestId, route: route.path, status: response.status, durationMs });
  metrics.answers.add({ status });
  metrics.httpSeconds.record(
    { http_request_method: methodOf(route.method), http_route: route.path, http_response_status_code: status },
    durationMs / 1_000,
  );
  return response;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** OpenTelemetry's convention: unknown methods become `_OTHER`. */
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
  // Before any validation: unauthenticated callers get no information about their request.
  const user = route.open === true ? '' : authenticate(request);
  checkEncoding(url.pathname);
  const query = route.query === undefined ? {} : parseInput(route.query, Object.fromEntries(url.searchParams), 'query');
  const body =
    route.body === undefined
      ? {}
      : parseInput(route.body, (await readJsonBody(request, route.bodyBytes)) ?? {}, 'body');
  return route.handle({
    user,
    param,
    query: query as never,
    rawQuery: url.searchParams,
    body: body as never,
    headers: request.headers,
    // A getter, because Node's adapter creates the signal on access.
    get signal() {
      return request.signal;
    },
  });
}

/** Hono passes an invalid percent-encoding on unchanged, where it would be mistaken for another id. */
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
