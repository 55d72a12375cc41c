import type { AgentRegistry } from '../../agents/agent-registry.ts';
import { loadDeployment } from '../../agents/templates/load-deployment.ts';
import { loadTemplates } from '../../agents/templates/load-templates.ts';
import type { Deployment } from '../../contracts/deployment.ts';
import { createConnectedGateway } from '../../gateway/create-connected-gateway.ts';
import { serveGateway, type ServedGateway } from '../../gateway/serve-gateway.ts';
import { openHostStore } from '../../hosting/open-host-store.ts';
import type { HostDeps } from '../../hosting/open-host.ts';
import { unknownProvider } from '../../hosting/open-models.ts';
import { createProcessTelemetry } from '../../hosting/process-telemetry.ts';
import { createModelDirectory, type ChosenModelDirectory } from '../../models/directory/model-directory.ts';
import type { ModelDirectory } from '../../models/model-client.ts';
import { serveHealth } from '../../telemetry/health-server.ts';
import { openTracing } from '../../telemetry/open-tracing.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { clientTracing } from '../../telemetry/temporal-client-tracing.ts';
import { startWorker, type RunningWorker } from '../../worker/start-worker.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import type { ProgressReporter } from './progress-reporter.ts';
import type { Settings } from './settings.ts';

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
  progress: ProgressReporter,
  stack: AsyncDisposableStack,
  telemetry: Telemetry,
): Promise<HostDeps> {
  progress.step(settings.databaseUrl === undefined ? 'Opening the embedded store' : 'Connecting to PostgreSQL');
  const { db, live } = stack.adopt(await openHostStore(settings), (it) => it.close());
  return { db, live, ...files, telemetry };
}

/** Serves the gateway. */
export async function startGateway(
  services: HostDeps,
  settings: Settings,
  temporalAddress: string,
  stack: AsyncDisposableStack,
): Promise<ServedGateway> {
  const { tracing } = services.telemetry;
  const temporal = {
    address: temporalAddress,
    namespace: settings.temporalNamespace,
    apiKey: settings.temporalApiKey,
    interceptors: tracing.on ? [clientTracing(tracing)] : [],
  };
  const { tokens, operators, host, port, portChosen } = settings;
  const gateway = stack.adopt(await createConnectedGateway(services, { temporal, tokens, operators }), (it) =>
    it.close(),
  );
  const served = await serveGateway({ gateway, host, port, orNextPort: !portChosen });
  stack.adopt(served, (it) => it.close());
  return served;
}

/** Creates the clients of the available models. Throws a CliError if the deployment limits an unknown provider. */
export async function findModels(
  env: NodeJS.ProcessEnv,
  deployment: Deployment,
  progress: ProgressReporter,
): Promise<ChosenModelDirectory> {
  progress.step('Looking for a model');
  const models = await createModelDirectory({ env });
  const problem = unknownProvider(deployment, models);
  if (problem !== null) throw new CliError(problem, EXIT.usage);
  return models;
}

/** Starts a worker, which polls Temporal for tasks. */
export async function startWorkerWith(
  services: HostDeps & { readonly models: ModelDirectory },
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
  { db, live, telemetry }: HostDeps,
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
