import type { PayloadCodec } from '@temporalio/common';
import { Hono } from 'hono';
import { KnownPauses } from '../admission/known-pauses.ts';
import type { TemporalSender } from '../client/temporal/temporal-sender.ts';
import { gatewayLimits } from '../contracts/limits/gateway-limits.ts';
import { memoriesPerUser } from '../contracts/limits/memories-per-user.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { Deployment } from '../contracts/deployment.ts';
import type { LiveChannel } from '../live/live-channel.ts';
import { createMemories, type Memories } from '../memory/create-memories.ts';
import { createPriceTable } from '../models/price-table.ts';
import { requireNotErased } from '../store/admin/erasure/require-not-erased.ts';
import { readLoad } from '../store/admin/workers/read-load.ts';
import type { Db } from '../store/db/db.ts';
import { createCommitObserver } from '../telemetry/commit-observer.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import type { AgentDirectory } from './answers/agent-directory.ts';
import { hasWorkers } from './answers/count-workers.ts';
import { createAuthentication } from './identity/create-authentication.ts';
import { onCredentialEnd } from './identity/on-credential-end.ts';
import { countUnattended } from './count-unattended.ts';
import { createFeed } from './feed/feed.ts';
import { feedStoreOf } from './feed/feed-store.ts';
import { createUserTurns } from './feed/user-turns.ts';
import { createAdmitMessage } from './answers/admit-message.ts';
import { LoadMonitor } from './answers/load-monitor.ts';
import { createRefuseOverload } from './answers/refuse-overload.ts';
import { createAnsweringUser, createCommitAnswer } from './answers/item-answers.ts';
import { createUpdateLimit, limitUpdates } from './answers/limit-updates.ts';
import { SessionWaker } from './answers/session-waker.ts';
import { crossOriginFrom } from './http/cross-origin.ts';
import { admitUsers } from './http/admit-users.ts';
import { readGauges } from './read-gauges.ts';
import { openApiDocument } from './http/openapi.ts';
import { registerRoutes, type Connection } from './http/register-routes.ts';
import { route, type Route } from './http/route.ts';
import { selectOneUser } from './answers/select-user.ts';
import { agentReleaseRoutes } from './routes/admin/agent-releases.ts';
import { agentRoutes } from './routes/agents.ts';
import { attachmentRoutes } from './routes/attachments.ts';
import { auditRoutes } from './routes/admin/audit.ts';
import { codecRoutes } from './routes/admin/codec.ts';
import { costRoutes } from './routes/cost.ts';
import { eventRoutes } from './routes/events.ts';
import { fleetRoutes } from './routes/admin/fleet.ts';
import { batchRoutes } from './routes/admin/batches.ts';
import { erasureRoutes } from './routes/admin/erasures.ts';
import { exportRoutes } from './routes/exports.ts';
import { maintenanceRoutes } from './routes/admin/maintenance.ts';
import { approvalRuleRoutes } from './routes/approval-rules.ts';
import { keyRoutes } from './routes/admin/keys.ts';
import { inboxRoutes } from './routes/inbox.ts';
import { memoryRoutes } from './routes/memories.ts';
import { messageRoutes } from './routes/messages.ts';
import { oneOffRunRoutes } from './routes/one-off-runs.ts';
import { operationRoutes } from './routes/operations.ts';
import { pauseRoutes } from './routes/admin/pauses.ts';
import { providerRoutes } from './routes/providers.ts';
import { runListRoutes } from './routes/run-lists.ts';
import { runRoutes } from './routes/runs.ts';
import { countRoutes } from './routes/counts.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { streamTokenRoutes } from './routes/stream-tokens.ts';
import { statsRoutes } from './routes/stats.ts';
import { contextRoutes } from './routes/contexts.ts';
import { whyRoutes } from './routes/why.ts';
import { workerRoutes } from './routes/admin/workers.ts';

/** The version of the HTTP contract. */
const CONTRACT_VERSION = '1.0.0';

export interface GatewayOptions {
  readonly db: Db;
  readonly live: LiveChannel;
  /** Whose state `/readyz` shows. Absent without Redis. */
  readonly redis?: { readonly isUsed: boolean } | undefined;
  readonly sender: TemporalSender;
  readonly agents: AgentDirectory;
  /** `provider/model` of agents that name none, as the workers have it: shown, and used by the budget check of messages. Default: unknown, so such agents' budgets are checked by workers only. */
  readonly defaultModel?: string | null | undefined;
  /** Default: empty. */
  readonly deployment?: Deployment | undefined;
  /** Long-term memory. Default: without vectors. */
  readonly memories?: Memories | undefined;
  /** `PERDURE_TOKENS`: `token=user,…`, or a JSON object that maps tokens to users. Without them, and without `auth` in the deployment, there is no authentication. */
  readonly tokens?: string | undefined;
  /** `PERDURE_OPERATORS`: users of `tokens`, separated by commas, who may see, clean up and limit data of other users. Other credentials have roles. Without authentication every user may. */
  readonly operators?: string | undefined;
  /** The codecs of the workers, with which operators decode payloads. Default: none. */
  readonly payloadCodecs?: readonly PayloadCodec[] | undefined;
  /** For the key sets of issuers. Default: the global `fetch`; for tests. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** `PERDURE_METRICS_TOKEN`: bearer token that `/metrics` requires. Default: none. */
  readonly metricsToken?: string | undefined;
  /** `PERDURE_ORIGINS`: origins whose pages may call the gateway, separated by commas. Without authentication: those of loopback addresses. */
  readonly origins?: string | undefined;
  /** Source of `/metrics`. In a process with a worker, pass the worker's. Default: a new one. */
  readonly telemetry?: Telemetry | undefined;
  /** As in `FeedOptions`; for tests. */
  readonly pollMs?: number | undefined;
  readonly commentMs?: number | undefined;
}

export interface Gateway {
  readonly app: Hono<{ Bindings: Connection }>;
  /** Handles a request. */
  readonly fetch: (request: Request, connection?: Connection) => Response | Promise<Response>;
  /** Whether callers must authenticate. Otherwise it must be served on loopback only. */
  readonly authenticated: boolean;
  /** Ends all streams. Leaves the options' objects open. Resolves when no signal to Temporal is on its way. */
  readonly close: () => Promise<void>;
}

/** The HTTP interface to a store, a live channel and a sender. Serve it with `serveGateway`. */
export function createGateway(options: GatewayOptions): Gateway {
  const { db, live, agents, deployment = {}, pollMs, commentMs } = options;
  const limits = gatewayLimits(deployment.limits);
  const memories = options.memories ?? createMemories({ db, perUser: memoriesPerUser(deployment.limits) });
  const telemetry = options.telemetry ?? createTelemetry();
  const { metrics } = telemetry;
  const within = createUpdateLimit(limits.updatesPerUser);
  const sender = limitUpdates(options.sender, async (key, work) => {
    await requireNotErased(db, key.user);
    return await within(key, work);
  });
  const authentication = createAuthentication({
    db,
    tokens: options.tokens,
    operators: options.operators,
    settings: deployment.auth,
    failuresPerMinute: limits.failedAuthenticationsPerMinute,
    fetch: options.fetch,
  });
  const { authenticate, keys, required, streamTokens } = authentication;
  const turns = createUserTurns(LIMITS.streamReadsPerUser.value);
  const isAttended = async (): Promise<boolean> => hasWorkers({ db, sender });
  const pauses = new KnownPauses(db, live);
  void pauses.start().catch(() => {});
  const store = feedStoreOf(db, { turns, hasWorkers: isAttended, pauses });
  const feed = createFeed({ store, live, pollMs, commentMs, limits });
  const load = new LoadMonitor({ read: () => readLoad(db) });
  metrics.beforeScrape(readGauges({ db, deployment, feed, sender, pauses }, load, metrics));
  const commits = createCommitObserver(telemetry, {
    isTool: (name) => agents.list().some(({ tools = [] }) => tools.includes(name)),
  });
  const waker = new SessionWaker(sender);
  const admit = createAdmitMessage({
    admission: {
      db,
      live,
      agents,
      deployment,
      pauses,
      defaultModel: options.defaultModel ?? null,
      prices: createPriceTable(deployment.prices, deployment.models),
      commits,
      telemetry,
      requestExpiryCheck: async (key) => sender.checkExpiry(key).catch(() => {}),
    },
    waker,
    within,
    load,
    onAdmitted: countUnattended(metrics, isAttended),
  });
  const refuseOverload = createRefuseOverload({
    db,
    monitor: load,
    limitMs: limits.maxEstimatedWaitMs,
    agents,
    deployment,
    telemetry,
  });
  const answeringUser = createAnsweringUser(deployment.groups);
  const deps = {
    db,
    live,
    commits,
    sender,
    admit,
    commitAnswer: createCommitAnswer({ live, commits, answeringUser, waker, within, metrics }),
    answeringUser,
    refuseOverload,
    agents,
    deployment,
    pauses,
    memories,
    feed,
    turns,
  };
  const routes: Route[] = [
    ...sessionRoutes(deps),
    ...countRoutes(deps),
    ...exportRoutes(deps),
    ...maintenanceRoutes(deps),
    ...erasureRoutes(deps),
    ...batchRoutes(deps),
    ...fleetRoutes(deps),
    ...memoryRoutes(deps),
    ...messageRoutes(deps),
    ...inboxRoutes(deps),
    ...approvalRuleRoutes(deps),
    ...attachmentRoutes(deps),
    ...eventRoutes(deps),
    ...streamTokenRoutes(streamTokens),
    ...runRoutes(deps),
    ...runListRoutes(deps),
    ...whyRoutes(deps),
    ...contextRoutes(deps),
    ...statsRoutes(deps),
    ...oneOffRunRoutes(deps),
    ...agentRoutes(deps, options.defaultModel ?? null),
    ...agentReleaseRoutes(deps),
    ...providerRoutes(deps),
    ...pauseRoutes(deps),
    ...workerRoutes(deps),
    ...costRoutes(deps),
    ...auditRoutes(deps),
    ...codecRoutes(deps, options.payloadCodecs ?? []),
    ...keyRoutes(deps, (id) => keys?.forget(id)),
    ...operationRoutes({ ...deps, redis: options.redis }, metrics, options.metricsToken),
  ];
  // Made when it is first asked for: it takes longer than everything else here, and a start after a kill should be quick.
  let document: string | undefined;
  const documentRoute = route({
    method: 'get',
    path: '/openapi.json',
    access: 'open',
    summary: 'This OpenAPI document',
    responses: { 200: { description: 'OpenAPI 3.1' } },
    handle: async () => {
      document ??= JSON.stringify(openApiDocument(routes, CONTRACT_VERSION));
      return new Response(document, { headers: { 'content-type': 'application/json' } });
    },
  });

  const app = new Hono<{ Bindings: Connection }>();
  registerRoutes(app, [...routes, documentRoute], {
    authenticate,
    admitUser: admitUsers(limits.requestsPerSecondPerUser, required),
    crossOrigin: crossOriginFrom(options.origins, required),
    telemetry,
    onCredentialEnd: (caller, listener) => onCredentialEnd(keys, caller, listener),
    actFor: async (caller, user, act) =>
      selectOneUser(deps, caller, user, {
        ...act,
        sessionId: act.sessionId || undefined,
        runId: act.runId || undefined,
      }),
  });
  return {
    app,
    fetch: (request, connection) => app.fetch(request, connection),
    authenticated: required,
    async close() {
      feed.close();
      authentication.close();
      await Promise.all([waker.close(), load.settled(), pauses.stop()]);
    },
  };
}
