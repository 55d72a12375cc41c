import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Hono } from 'hono';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { acceptsEventStream } from './accepts-event-stream.ts';
import { requireAccess } from './access.ts';
import type { Authenticate, Caller } from './caller.ts';
import { checkQuery } from './check-query.ts';
import type { CrossOrigin } from './cross-origin.ts';
import { parseInput } from './parse-input.ts';
import { problemResponse } from './problem.ts';
import { createBodyBudget, type BodyBudget } from './body-budget.ts';
import { bodyPieces, readBody, readJsonBody, type ReadBodyOptions } from './read-body.ts';
import type { OnCredentialEnd, Route } from './route.ts';

/** The connection of a request. Fields are absent where another server received it. */
export interface Connection {
  readonly address?: string | undefined;
  readonly disconnect?: (() => void) | undefined;
  readonly body?: Readable | undefined;
}

export interface RegisterOptions {
  readonly authenticate: Authenticate;
  /** Throws `rate_limited` for a user who sends too many requests. */
  readonly admitUser: (caller: Caller) => void;
  /** Calls the listener when the credential of a caller expires or is revoked. */
  readonly onCredentialEnd: (caller: Caller, listener: () => void) => ReturnType<OnCredentialEnd>;
  readonly crossOrigin: CrossOrigin;
  readonly telemetry: Telemetry;
  /** Returns the owner of the session that a request of `caller` concerns; throws when the caller may not act for `user`. */
  readonly actFor: (
    caller: Caller,
    user: string,
    act: NonNullable<Route['operators']> & { readonly sessionId?: string; readonly runId?: string },
  ) => Promise<string>;
}

/** Registers routes with an app. Each request gets an id, is authenticated and validated; errors become problem responses. */
export function registerRoutes(
  app: Hono<{ Bindings: Connection }>,
  routes: readonly Route[],
  options: RegisterOptions,
): void {
  const budget = createBodyBudget(LIMITS.bodiesBytes.value);
  for (const route of routes) {
    const path = route.path.replace(/\{(\w+)\}/g, ':$1');
    app.on(route.method.toUpperCase(), path, async (c) =>
      withSpan(options, route, c.req.raw, () =>
        respond(options, c.req.raw, route.path, async () =>
          handle({ ...options, budget }, route, c.req.raw, c.env ?? {}, (name) => c.req.param(name) ?? ''),
        ),
      ),
    );
  }
  for (const [path, allowed] of methodsByPath(routes)) {
    app.all(path.replace(/\{(\w+)\}/g, ':$1'), async (c) => {
      const response = await respond(options, c.req.raw, path, async () => {
        if (c.req.method === 'OPTIONS') return options.crossOrigin.preflight(c.req.raw, allowed);
        throw new PerdureError(
          'method_not_allowed',
          `${methodOf(c.req.method)} is not supported at ${path}. Use ${allowed.join(', ')}.`,
        );
      });
      response.headers.set('allow', [...allowed, 'OPTIONS'].join(', '));
      return response;
    });
  }
  app.notFound(async (c) =>
    respond(options, c.req.raw, '', async () => {
      throw new PerdureError(
        'not_found',
        `There is no endpoint ${c.req.method} ${c.req.path.slice(0, 200)}. All endpoints are listed at /openapi.json.`,
      );
    }),
  );
}

/** The methods of each path. HEAD is answered where GET is. */
function methodsByPath(routes: readonly Route[]): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const { path, method } of routes) {
    const more = method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()];
    methods.set(path, [...(methods.get(path) ?? []), ...more]);
  }
  return methods;
}

/** Runs `work` in a span that ends when the response begins, a child of the caller's span if `traceparent` has one. Open routes have no span. */
async function withSpan(
  { telemetry: { tracing } }: RegisterOptions,
  { path, access }: Route,
  { method, headers }: Request,
  work: () => Promise<Response>,
): Promise<Response> {
  if (!tracing.on || access === 'open') return work();
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
  { crossOrigin, telemetry: { log, metrics } }: RegisterOptions,
  request: Request,
  path: string,
  work: () => Promise<Response>,
): Promise<Response> {
  const requestId = randomUUID();
  const startedAt = performance.now();
  let response: Response;
  try {
    response = await work();
  } catch (error) {
    const isFault = !(error instanceof PerdureError) || error.code === 'internal';
    if (isFault) log.error('Request failed', { requestId, route: path, error });
    response = problemResponse(error, requestId);
  }
  response.headers.set('x-request-id', requestId);
  if (request.method !== 'OPTIONS') crossOrigin.allow(request, response);
  const status = String(response.status);
  const durationMs = performance.now() - startedAt;
  log.debug('Request answered', { requestId, route: path, status: response.status, durationMs });
  metrics.answers.add({ status });
  metrics.httpSeconds.record(
    { http_request_method: methodOf(request.method), http_route: path, http_response_status_code: status },
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
  { authenticate, admitUser, actFor, onCredentialEnd, budget }: RegisterOptions & { readonly budget: BodyBudget },
  route: Route,
  request: Request,
  { address, disconnect = () => undefined, body: incoming }: Connection,
  param: (name: string) => string,
): Promise<Response> {
  const url = new URL(request.url);
  // Before any validation: unauthenticated callers get no information about their request.
  const caller =
    route.access === 'open'
      ? ANYBODY
      : await authenticate(request, { address, stream: streamOf(route, request, param) });
  if (route.access !== 'open') {
    admitUser(caller);
    requireAccess(route.access, caller, route.reserved ?? `use ${methodOf(request.method)} ${route.path}`);
  }
  checkEncoding(url.pathname);
  checkQuery(route, url.searchParams);
  const query = route.query === undefined ? {} : parseInput(route.query, Object.fromEntries(url.searchParams), 'query');
  const onBehalf = route.operators === undefined ? null : url.searchParams.get('user');
  const user =
    route.operators === undefined || onBehalf === null || onBehalf === caller.user
      ? caller.user
      : await actFor(caller, onBehalf, { ...route.operators, sessionId: param('id'), runId: param('run') });
  const body = await parseBody(route, request, { budget, incoming });
  const response = await route.handle({
    user,
    caller,
    param,
    query: query as never,
    rawQuery: url.searchParams,
    body: body as never,
    headers: request.headers,
    readBody: async (bounds) => readBody(request, { ...bounds, budget, incoming }),
    bodyPieces: (bounds) => bodyPieces(request, { ...bounds, incoming }),
    // A getter, because Node's adapter creates the signal on access.
    get signal() {
      return request.signal;
    },
    disconnect,
    onCredentialEnd: (listener) => onCredentialEnd(caller, listener),
  });
  return request.method === 'HEAD' ? await withoutBody(response) : response;
}

/** Who uses open routes: nobody needs to say who they are. */
const ANYBODY: Caller = { user: '', role: 'user', groups: [], byName: false, keyId: null, expiresAtMs: null };

/** Hono handles HEAD as GET and drops the body; an event stream would stay open. */
async function withoutBody(response: Response): Promise<Response> {
  await response.body?.cancel();
  return new Response(null, response);
}

/** The stream that a request opens. */
function streamOf({ streams }: Route, { method, headers }: Request, param: (name: string) => string) {
  if (streams === undefined || method !== 'GET' || !acceptsEventStream(headers)) return undefined;
  return { kind: streams, id: param(streams === 'session' ? 'id' : 'run') };
}

async function parseBody(
  { body: schema, bodyBytes: maxBytes = LIMITS.smallRequestBytes.value, readsBody }: Route,
  request: Request,
  source: Pick<ReadBodyOptions, 'budget' | 'incoming'>,
): Promise<unknown> {
  if (schema === undefined || readsBody === true) return {};
  const value = await readJsonBody(request, { maxBytes, ...source });
  return parseInput(schema, value === undefined ? {} : value, 'body');
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
