import { Hono } from 'hono';
import type { SessionSender } from '../client/temporal/session-sender.ts';
import type { Deployment } from '../contracts/deployment.ts';
import type { LiveChannel } from '../live/live-channel.ts';
import type { Db } from '../store/db/db.ts';
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
  readonly sender: SessionSender;
  readonly agents: AgentDirectory;
  /** Default: sets nothing. */
  readonly deployment?: Deployment | undefined;
  /** `PERDURE_TOKENS`: `token=user,…`, or a JSON object of token to user. Without it there is no authentication. */
  readonly tokens?: string | undefined;
  /** `PERDURE_OPERATORS`: users, separated by commas, who may see, clean up and limit what is others’. Without authentication everyone may. */
  readonly operators?: string | undefined;
  /** Shown at `/metrics`. In a process with a worker, the same as the worker's. Default: one of its own. */
  readonly telemetry?: Telemetry | undefined;
  /** See `FeedOptions`; for tests. */
  readonly lookMs?: number | undefined;
  readonly commentMs?: number | undefined;
}

export interface Gateway {
  readonly app: Hono;
  /** Answers a request. */
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** Whether callers must authenticate; without that it may be served on loopback only. */
  readonly authenticated: boolean;
  /** Ends every stream. What was given to it is left open. */
  readonly close: () => void;
}

/** The HTTP contract over a store, a live channel and a sender. Serve it with `serveGateway`. */
export function createGateway(options: GatewayOptions): Gateway {
  const { db, live, sender, agents, deployment = {}, lookMs, commentMs } = options;
  const telemetry = options.telemetry ?? createTelemetry();
  const { metrics } = telemetry;
  const { authenticate, configured } = authenticationFrom(options.tokens);
  const feed = createFeed({ store: feedStoreOf(db), live, lookMs, commentMs });
  metrics.beforeScrape(readGauges(db, deployment, feed, metrics));
  const isOperator = operatorsFrom(options.operators, configured);
  const parts = { db, live, sender, agents, deployment, feed, isOperator };
  const routes: Route[] = [
    ...sessionRoutes(parts),
    ...exportRoutes(parts),
    ...maintenanceRoutes(parts),
    ...messageRoutes(parts),
    ...eventRoutes(parts),
    ...runRoutes(parts),
    ...whyRoutes(parts),
    ...statsRoutes(parts),
    ...oneOffRunRoutes(parts),
    ...agentRoutes(parts),
    ...providerRoutes(parts),
    ...costRoutes(parts),
    ...operationRoutes(parts, metrics),
  ];
  const document = JSON.stringify(openApiDocument(routes, CONTRACT_VERSION));
  const documentRoute = route({
    method: 'get',
    path: '/openapi.json',
    summary: 'This document',
    open: true,
    answers: { 200: { description: 'OpenAPI 3.1' } },
    handle: async () => new Response(document, { headers: { 'content-type': 'application/json' } }),
  });

  const app = new Hono();
  registerRoutes(app, [...routes, documentRoute], { authenticate, telemetry });
  return { app, fetch: (request) => app.fetch(request), authenticated: configured, close: feed.close };
}
