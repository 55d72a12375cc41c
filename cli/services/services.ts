import { loadDeployment } from '../../agents/templates/load-deployment.ts';
import { loadTemplates } from '../../agents/templates/load-templates.ts';
import type { AgentRegistry } from '../../agents/agent-registry.ts';
import type { Deployment } from '../../contracts/deployment.ts';
import { createTemporalSender } from '../../client/temporal/temporal-sender.ts';
import { lazyClient } from '../../client/temporal/temporal-connection.ts';
import { createGateway } from '../../gateway/create-gateway.ts';
import { serveGateway } from '../../gateway/serve-gateway.ts';
import type { ServedGateway } from '../../gateway/serve-gateway.ts';
import { createInProcessLive } from '../../live/in-process.ts';
import type { LiveChannel } from '../../live/live-channel.ts';
import { createPostgresLive } from '../../live/postgres-notify.ts';
import type { ModelDirectory } from '../../models/model-client.ts';
import { createModelDirectory } from '../../models/directory/model-directory.ts';
import type { ChosenModelDirectory } from '../../models/directory/model-directory.ts';
import type { Db } from '../../store/db/db.ts';
import { openStore } from '../../store/open-store.ts';
import { serveHealth } from '../../telemetry/health-server.ts';
import { createLog } from '../../telemetry/log.ts';
import { createMetrics } from '../../telemetry/metrics.ts';
import { createTelemetry, type Telemetry } from '../../telemetry/telemetry.ts';
import { clientTracing } from '../../telemetry/temporal-client-tracing.ts';
import { openTracing } from '../../telemetry/open-tracing.ts';
import { startWorker } from '../../worker/start-worker.ts';
import type { RunningWorker } from '../../worker/start-worker.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import type { ProgressReporter } from './progress-reporter.ts';
import type { Settings } from './settings.ts';

/** What worker and gateway share. */
export interface ServiceDeps {
  readonly db: Db;
  readonly live: LiveChannel;
  readonly agents: AgentRegistry;
  readonly telemetry: Telemetry;
  readonly deployment: Deployment;
}

/** Metrics, traces and logs of this process. `plain` logs lines for people, from `warn` on; `json` logs for programs, from `info` on. */
export async function openTelemetry(
  { log }: Settings,
  format: 'plain' | 'json',
  env: NodeJS.ProcessEnv,
  stack: AsyncDisposableStack,
): Promise<Telemetry> {
  const level = log ?? (format === 'json' ? 'info' : 'warn');
  const tracing = stack.adopt(await openTracing(env), (it) => it.close());
  const { traceId } = tracing;
  const metrics = createMetrics({ process: true, traceId });
  return createTelemetry({ metrics, log: createLog({ level, format, traceId }), tracing });
}

/** Loads the deployment file and the agents. Call it first, so that mistakes in them are reported before anything slow starts. */
export async function readFiles(
  { deploymentFile, deploymentChosen, agentsDir }: Settings,
  env: NodeJS.ProcessEnv,
  progress: ProgressReporter,
): Promise<Pick<ServiceDeps, 'agents' | 'deployment'>> {
  progress.step('Loading the agents');
  const deployment = await loadDeployment(deploymentFile, { chosen: deploymentChosen });
  const agents = await loadAgents({ agentsDir }, env, (notice) => progress.note(notice));
  return { deployment, agents };
}

/** Loads the agents. `revision` is raised by one whenever their modules have to be evaluated anew. */
export function loadAgents(
  { agentsDir }: Pick<Settings, 'agentsDir'>,
  env: NodeJS.ProcessEnv,
  onNotice: (notice: string) => void,
  revision = 0,
): Promise<AgentRegistry> {
  return loadTemplates(agentsDir, { env, onNotice, revision });
}

/** Opens the store and the live channel. The stack closes them. */
export async function openServices(
  files: Pick<ServiceDeps, 'agents' | 'deployment'>,
  { databaseUrl, dataDir, archivesDir }: Settings,
  progress: ProgressReporter,
  stack: AsyncDisposableStack,
  telemetry: Telemetry,
): Promise<ServiceDeps> {
  progress.step(databaseUrl === undefined ? 'Opening the embedded store' : 'Connecting to PostgreSQL');
  const db = stack.adopt(
    await openStore({ ...(databaseUrl === undefined ? { dataDir } : { databaseUrl }), archivesDir }),
    (it) => it.close(),
  );
  const live = databaseUrl === undefined ? createInProcessLive() : createPostgresLive({ databaseUrl });
  stack.adopt(live, (it) => it.close());
  return { db, live, ...files, telemetry };
}

/** Serves the gateway. */
export async function startGateway(
  services: ServiceDeps,
  settings: Settings,
  temporalAddress: string,
  stack: AsyncDisposableStack,
): Promise<ServedGateway> {
  const temporal = lazyClient(
    {
      address: temporalAddress,
      namespace: settings.temporalNamespace,
      apiKey: settings.temporalApiKey,
      interceptors: services.telemetry.tracing.on ? [clientTracing(services.telemetry.tracing)] : [],
    },
    undefined,
  );
  stack.adopt(temporal, (it) => it.close());
  const gateway = createGateway({
    ...services,
    sender: createTemporalSender({ client: temporal.get() }),
    tokens: settings.tokens,
    operators: settings.operators,
  });
  const { host, port, portChosen } = settings;
  const served = await serveGateway({ gateway, host, port, orNextPort: !portChosen });
  stack.adopt(served, (it) => it.close());
  return served;
}

/** Finds the models that are available. Throws if the deployment file limits an unknown provider: that limit would have no effect. */
export async function openModels(
  env: NodeJS.ProcessEnv,
  { providers = {} }: Deployment,
  progress: ProgressReporter,
): Promise<ChosenModelDirectory> {
  progress.step('Looking for a model');
  const models = await createModelDirectory({ env });
  const unknown = Object.keys(providers).find((name) => !models.providers.includes(name));
  if (unknown === undefined) return models;
  const known = models.providers.join(', ');
  throw new CliError(
    `The deployment file limits an unknown provider: ${JSON.stringify(unknown)}. Use one of ${known}.`,
    EXIT.usage,
  );
}

/** Starts a worker, which polls Temporal for tasks. */
export async function startWorkerWith(
  services: ServiceDeps & { readonly models: ModelDirectory },
  settings: Settings,
  address: string,
  stack: AsyncDisposableStack,
): Promise<RunningWorker> {
  const connection = { address, namespace: settings.temporalNamespace, apiKey: settings.temporalApiKey };
  const { workflowStacks } = settings;
  const worker = await startWorker({ ...services, connection, workflowStacks, temporalMetrics: true });
  stack.adopt(worker, (it) => it.stop());
  return worker;
}

/** Serves health and metrics of a worker that runs without a gateway. Resolves with the URL; null if they are turned off. */
export async function startHealth(
  { db, live, telemetry }: ServiceDeps,
  { metricsHost, metricsPort, metricsPortChosen }: Settings,
  worker: RunningWorker,
  stack: AsyncDisposableStack,
): Promise<string | null> {
  if (metricsPort === null) return null;
  const served = await serveHealth({
    host: metricsHost,
    port: metricsPort,
    orNextPort: !metricsPortChosen,
    metrics: telemetry.metrics,
    parts: {
      store: () => db.query('SELECT 1').then(() => true),
      temporal: () => worker.ready(),
      live: () => live.ready(),
    },
  });
  stack.adopt(served, (it) => it.close());
  return served.url;
}
