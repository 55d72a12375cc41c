import { Hono } from 'hono';
import type { TemporalSender } from '../client/temporal/temporal-sender.ts';
import type { Deployment } from '../contracts/deployment.ts';
import type { LiveChannel } from '../live/live-channel.ts';
import type { Db } from '../store/db/db.ts';
import { createCommitObserver } from '../telemetry/commit-observer.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import type { AgentDirectory } from './answers/agent-directory.ts';
import { authenticationFrom } from './http/authenticate.ts';
import { createFeed } from './feed/feed.ts';
import { feedStoreOf } from './feed/feed-store.ts';
import { readGauges } from './read-gauges.ts';
import { openApiDocument } from './http/openapi.ts';
import { registerRoutes } from './http/register-routes.ts';
import { route, type Route } from './http/route.ts';
import { operatorsFrom } from './http/operators.ts';
import { agentRoutes } from './routes/agents.ts';
import { costRoutes } from './routes/cost.ts';
import { eventRoutes } from './routes/events.ts';
import { exportRoutes } from './routes/exports.ts';
import { maintenanceRoutes } from './routes/maintenance.ts';
import { messageRoutes } from './routes/messages.ts';
import { oneOffRunRoutes } from './routes/one-off-runs.ts';
import { operationRoutes } from './routes/operations.ts';
import { providerRoutes } from './routes/providers.ts';
import { runRoutes } from './routes/runs.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { statsRoutes } from './routes/stats.ts';
import { whyRoutes } from './routes/why.ts';

/** The version of the HTTP contract. */
const CONTRACT_VERSION = '1.0.0';

export interface GatewayOptions {
  readonly db: Db;
  readonly live: LiveChannel;
  readonly sender: TemporalSender;
  readonly agents: AgentDirectory;
  /** Default: empty. */
  readonly deployment?: Deployment | undefined;
  /** `PERDURE_TOKENS`: `token=user,…`, or a JSON object that maps tokens to users. Default: no authentication. */
  readonly tokens?: string | undefined;
  /** `PERDURE_OPERATORS`: users, separated by commas, who may see, clean up and limit data of other users. Without authentication every user may. */
  readonly operators?: string | undefined;
  /** Source of `/metrics`. In a process with a worker, pass the worker's. Default: a new one. */
  readonly telemetry?: Telemetry | undefined;
  /** As in `FeedOptions`; for tests. */
  readonly pollMs?: number | undefined;
  readonly commentMs?: number | undefined;
}

export interface Gateway {
  readonly app: Hono;
  /** Handles a request. */
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** Whether callers must authenticate. Otherwise it must be served on loopback only. */
  readonly authenticated: boolean;
  /** Ends all streams. Leaves the options' objects open. */
  readonly close: () => void;
}

/** The HTTP interface to a store, a live channel and a sender. Serve it with `serveGateway`. */
export function createGateway(options: GatewayOptions): Gateway {
  const { db, live, sender, agents, deployment = {}, pollMs, commentMs } = options;
  const telemetry = options.telemetry ?? createTelemetry();
  const { metrics } = telemetry;
  const { authenticate, configured } = authenticationFrom(options.tokens);
  const feed = createFeed({ store: feedStoreOf(db), live, pollMs, commentMs });
  metrics.beforeScrape(readGauges(db, deployment, feed, metrics));
  const isOperator = operatorsFrom(options.operators, configured);
  const commits = createCommitObserver(telemetry, {
    isTool: (name) => agents.list().some(({ tools = [] }) => tools.includes(name)),
  });
  const deps = { db, live, commits, sender, agents, deployment, feed, isOperator };
  const routes: Route[] = [
    ...sessionRoutes(deps),
    ...exportRoutes(deps),
    ...maintenanceRoutes(deps),
    ...messageRoutes(deps),
    ...eventRoutes(deps),
    ...runRoutes(deps),
    ...whyRoutes(deps),
    ...statsRoutes(deps),
    ...oneOffRunRoutes(deps),
    ...agentRoutes(deps),
    ...providerRoutes(deps),
    ...costRoutes(deps),
    ...operationRoutes(deps, metrics),
  ];
  const document = JSON.stringify(openApiDocument(routes, CONTRACT_VERSION));
  const documentRoute = route({
    method: 'get',
    path: '/openapi.json',
    summary: 'This OpenAPI document',
    open: true,
    responses: { 200: { description: 'OpenAPI 3.1' } },
    handle: async () => new Response(document, { headers: { 'content-type': 'application/json' } }),
  });

  const app = new Hono();
  registerRoutes(app, [...routes, documentRoute], { authenticate, telemetry });
  return { app, fetch: (request) => app.fetch(request), authenticated: configured, close: feed.close };
}
