import type { PayloadCodec } from '@temporalio/common';
import type { AgentRegistry } from '../../agents/agent-registry.ts';
import { loadDeployment } from '../../agents/templates/load-deployment.ts';
import { loadTemplates } from '../../agents/templates/load-templates.ts';
import { encryptionCodec } from '../../codec/encryption-codec.ts';
import type { Deployment } from '../../contracts/deployment.ts';
import { lazyClient } from '../../client/temporal/temporal-connection.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { createConnectedGateway } from '../../gateway/create-connected-gateway.ts';
import { serveGateway, type ServedGateway } from '../../gateway/serve-gateway.ts';
import { mayPass, openHostStore } from '../../hosting/open-host-store.ts';
import { openMemories } from '../../hosting/open-memories.ts';
import type { HostDeps } from '../../hosting/open-host.ts';
import { defaultModelOf, unknownProvider } from '../../hosting/open-models.ts';
import { unkeptHistory } from '../../hosting/unkept-history.ts';
import { unknownModels } from '../../hosting/unknown-models.ts';
import { createProcessTelemetry } from '../../hosting/process-telemetry.ts';
import { createModelDirectory, type ChosenModelDirectory } from '../../models/directory/model-directory.ts';
import { ModelError, type ModelDirectory } from '../../models/model-client.ts';
import { serveHealth } from '../../telemetry/health-server.ts';
import { openTracing } from '../../telemetry/open-tracing.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { clientTracing } from '../../telemetry/temporal-client-tracing.ts';
import { connectToTemporal } from '../../worker/connect-to-temporal.ts';
import { startWorker, type RunningWorker } from '../../worker/start-worker.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import type { ProgressReporter } from './progress-reporter.ts';
import { retryAtStart } from './retry-at-start.ts';
import type { Startup } from './serve.ts';
import type { Settings } from './settings.ts';
import { connectionTo, type ServiceSettings } from './temporal-settings.ts';

/** Metrics, traces and logs of this process. `plain` logs lines for people, from `warn` on; `json` logs for programs, from `info` on. */
export async function openTelemetry(
  { log }: Settings,
  format: 'plain' | 'json',
  env: NodeJS.ProcessEnv,
  stack: AsyncDisposableStack,
): Promise<Telemetry> {
  const level = log ?? (format === 'json' ? 'info' : 'warn');
  const tracing = stack.adopt(await openTracing(env), (it) => it.close());
  return createProcessTelemetry({ level, format }, tracing);
}

/** Loads the deployment file and the agents. Call it first, so that their errors are reported before anything slow starts. */
export async function readFiles(
  { deploymentFile, deploymentChosen, agentsDir }: Settings,
  env: NodeJS.ProcessEnv,
  progress: ProgressReporter,
): Promise<Pick<HostDeps, 'agents' | 'deployment'>> {
  progress.step('Loading the agents');
  const deployment = await loadDeployment(deploymentFile, { chosen: deploymentChosen });
  const agents = await loadAgents({ agentsDir }, env, (notice) => progress.note(notice));
  return { deployment, agents };
}

/** Loads the agents. Increment `revision` to evaluate their modules again. */
export function loadAgents(
  { agentsDir }: Pick<Settings, 'agentsDir'>,
  env: NodeJS.ProcessEnv,
  onNotice: (notice: string) => void,
  revision = 0,
): Promise<AgentRegistry> {
  return loadTemplates(agentsDir, { env, onNotice, revision });
}

/** Opens the store and the live channel. The stack closes them. The caller must hold the lock of the data folder. */
export async function openServices(
  files: Pick<HostDeps, 'agents' | 'deployment'>,
  settings: Settings,
  startup: Pick<Startup, 'progress' | 'stack' | 'throwIfStopping'>,
  telemetry: Telemetry,
  env: NodeJS.ProcessEnv,
): Promise<HostDeps> {
  const { progress, stack } = startup;
  progress.step(settings.databaseUrl === undefined ? 'Opening the embedded store' : 'Connecting to PostgreSQL');
  const { attachments, redis: redisSettings } = files.deployment;
  const options = { ...settings, attachments, redis: redisSettings, telemetry };
  const open = () => openHostStore(options, (line) => progress.note(line));
  const store = await retryAtStart(startup, open, mayPass).catch(asUsage);
  const { db, live, redis } = stack.adopt(store, (it) => it.close());
  const memories = openMemoriesOf(db, files.deployment, telemetry, env);
  return { db, live, redis, ...files, telemetry, memories };
}

/** Throws a CliError for an unknown provider of embeddings. */
function openMemoriesOf(...given: Parameters<typeof openMemories>): ReturnType<typeof openMemories> {
  try {
    return openMemories(...given);
  } catch (error) {
    return asUsage(error);
  }
}

/** An invalid setting is an error of the command line. */
function asUsage(error: unknown): never {
  if ((error instanceof PerdureError || error instanceof ModelError) && error.code === 'invalid_request')
    throw new CliError(error.message, EXIT.usage);
  throw error;
}

/** A refusal of Temporal is not one of the gateway, for which the command line has remedies of its own. */
function asRefusal(error: unknown): never {
  const isRefusal = error instanceof PerdureError && ['unauthenticated', 'forbidden', 'not_found'].includes(error.code);
  throw isRefusal ? new CliError(error.message, EXIT.unreachable) : error;
}

/** Throws a CliError for invalid keys. */
export function codecsOf({ codecKey: key, codecDecryptKeys: decryptKeys }: Settings): PayloadCodec[] {
  if (key === undefined && decryptKeys === undefined) return [];
  try {
    return [encryptionCodec({ key, decryptKeys })];
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : String(error), EXIT.usage);
  }
}

/** Serves the gateway. `defaultModel`: that of the workers, `provider/model`; null if it is unknown. */
export async function startGateway(
  services: HostDeps,
  settings: ServiceSettings,
  temporalAddress: string,
  stack: AsyncDisposableStack,
  defaultModel: string | null,
): Promise<ServedGateway> {
  const { tracing } = services.telemetry;
  const payloadCodecs = codecsOf(settings);
  const temporal = {
    ...connectionTo(settings.temporal, temporalAddress),
    interceptors: tracing.on ? [clientTracing(tracing)] : [],
    payloadCodecs,
  };
  const client = stack.adopt(lazyClient(temporal, undefined, {}), (it) => it.close()).get();
  const { tokens, operators, origins, metricsToken, host, port, portChosen } = settings;
  const gateway = stack.adopt(
    await createConnectedGateway(services, {
      client,
      payloadCodecs,
      tokens,
      operators,
      origins,
      metricsToken,
      defaultModel,
    }),
    (it) => it.close(),
  );
  const served = await serveGateway({ gateway, host, port, orNextPort: !portChosen });
  stack.adopt(served, (it) => it.close());
  return served;
}

/** The default model of workers with the same environment, for a process that makes no model call; null if no variable determines it. */
export function findDefaultModel(env: NodeJS.ProcessEnv): Promise<string | null> {
  return defaultModelOf({}, env);
}

/** Creates the clients of the available models. Throws a CliError for an unknown provider or model. */
export async function findModels(
  env: NodeJS.ProcessEnv,
  deployment: Deployment,
  progress: ProgressReporter,
): Promise<ChosenModelDirectory> {
  progress.step('Looking for a model');
  const models = await createModelDirectory({ env, providers: deployment.providers }).catch(asUsage);
  const problem = unknownProvider(deployment, models);
  if (problem !== null) throw new CliError(problem, EXIT.usage);
  return models;
}

/** Throws a CliError if an agent names a model that does not exist, or leaves its history to a provider that keeps none. */
export function checkAgentModels(agents: AgentRegistry, models: ChosenModelDirectory): void {
  const problem = unknownModels(agents, models) ?? unkeptHistory(agents, models);
  if (problem !== null) throw new CliError(problem, EXIT.usage);
}

/** Resolves once the Temporal server responds. Throws `temporal_unavailable` if it does not in time. */
export async function awaitTemporal(
  { temporal }: Pick<ServiceSettings, 'temporal'>,
  address: string,
  startup: Pick<Startup, 'progress' | 'throwIfStopping'>,
): Promise<void> {
  const connection = await retryAtStart(
    startup,
    () => connectToTemporal(connectionTo(temporal, address)),
    (error) => error instanceof PerdureError && error.code === 'temporal_unavailable',
  ).catch(asRefusal);
  await connection.close();
}

/** Starts a worker, which polls Temporal for tasks. */
export async function startWorkerWith(
  services: HostDeps & { readonly models: ModelDirectory },
  settings: ServiceSettings,
  address: string,
  stack: AsyncDisposableStack,
): Promise<RunningWorker> {
  const { workflowStacks, buildId, deployment, temporal } = settings;
  // An embedded Temporal server has one worker, which every session is for.
  const isVersioned = buildId !== undefined && temporal.address !== undefined;
  const versioning = isVersioned ? { buildId, deployment } : undefined;
  const payloadCodecs = codecsOf(settings);
  const worker = await startWorker({
    ...services,
    connection: connectionTo(temporal, address),
    workflowStacks,
    temporalMetrics: true,
    payloadCodecs,
    versioning,
  }).catch((error: unknown) => {
    if (error instanceof TypeError && versioning !== undefined) throw new CliError(error.message, EXIT.usage);
    return asRefusal(error);
  });
  stack.adopt(worker, (it) => it.stop());
  return worker;
}

/** Serves health and metrics of a worker that runs without a gateway. Resolves with the URL; null if they are turned off. */
export async function startHealth(
  { db, live, redis, telemetry }: HostDeps,
  { metricsHost, metricsPort, metricsPortChosen, metricsToken }: Settings,
  worker: RunningWorker,
  stack: AsyncDisposableStack,
): Promise<string | null> {
  if (metricsPort === null) return null;
  const served = await serveHealth({
    host: metricsHost,
    port: metricsPort,
    orNextPort: !metricsPortChosen,
    metrics: telemetry.metrics,
    metricsToken,
    parts: {
      store: () => db.query('SELECT 1').then(() => true),
      temporal: () => worker.ready(),
      workflows: () => worker.workflowsReady(),
      live: () => live.ready(),
    },
    details: () => ({ redis: redis?.isUsed ?? null }),
  });
  stack.adopt(served, (it) => it.close());
  return served.url;
}
