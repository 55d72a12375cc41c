import { describeConnectProblem } from '../../client/temporal/describe-connect-problem.ts';
import { DEFAULT_DEPLOYMENT } from '../../contracts/worker.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { handleUncaughtErrors } from './handle-uncaught-errors.ts';
import { serve } from './serve.ts';
import { connectionTo, readServiceSettings, type ServiceSettings } from './temporal-settings.ts';

/** `perdure worker` and `perdure gateway`: a worker or a gateway alone, for production. Resolves with the exit code. */
export async function startOne(role: 'worker' | 'gateway', env: NodeJS.ProcessEnv): Promise<number> {
  const settings = readServiceSettings(env);
  const address = requireShared(settings, role);
  // Loaded after the settings are checked, because loading takes a second.
  const {
    awaitTemporal,
    checkAgentModels,
    findDefaultModel,
    findModels,
    openServices,
    openTelemetry,
    readFiles,
    startGateway,
    startHealth,
    startWorkerWith,
  } = await import('./services.ts');
  return serve(async (startup) => {
    const { progress, stack, throwIfStopping, print } = startup;
    const files = await readFiles(settings, env, progress);
    const models = role === 'worker' ? await findModels(env, files.deployment, progress) : null;
    if (models !== null) checkAgentModels(files.agents, models);
    throwIfStopping();
    const telemetry = await openTelemetry(settings, 'json', env, stack);
    handleUncaughtErrors(telemetry, startup);
    const services = await openServices(files, settings, startup, telemetry, env);
    throwIfStopping();
    if (models === null) {
      const { url } = await startGateway(services, settings, address, stack, await findDefaultModel(env));
      print(`The gateway listens at ${url}.`);
      if (!(await reachesTemporal(url))) {
        const problem = await describeConnectProblem(connectionTo(settings.temporal, address));
        const {
          found = 'does not respond',
          remedy = 'Check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the credential.',
        } = problem ?? {};
        print(
          `Temporal at ${address} ${found}. Messages are accepted and wait until it can be used, and commands are refused (503). ${remedy}`,
        );
      }
      return { died: new Promise(() => undefined) };
    }
    progress.step('Starting the worker');
    await awaitTemporal(settings, address, startup);
    const worker = await startWorkerWith({ ...services, models }, settings, address, stack);
    const health = await startHealth(services, settings, worker, stack);
    if (health !== null) print(`Health and metrics are at ${health}.`);
    print(`The worker is ready; agents without a model use ${models.defaultModel}.`);
    if (settings.buildId !== undefined) {
      const { buildId, deployment = DEFAULT_DEPLOYMENT } = settings;
      print(
        `It is build ${buildId} of the deployment ${deployment}, which takes up sessions once it is current: perdure deploy promote ${buildId}.`,
      );
    }
    return { died: worker.done };
  });
}

async function reachesTemporal(gateway: string): Promise<boolean> {
  const response = await fetch(`${gateway}/readyz`);
  const { checks } = (await response.json()) as { checks?: { temporal?: boolean } };
  return checks?.temporal === true;
}

/** Returns the address of the Temporal server. Throws unless it and PostgreSQL are set, because other processes share them. */
function requireShared({ databaseUrl, temporal: { address } }: ServiceSettings, role: string): string {
  const missing = [
    ...(databaseUrl === undefined ? ['DATABASE_URL (a PostgreSQL)'] : []),
    ...(address === undefined ? ['TEMPORAL_ADDRESS (a Temporal server)'] : []),
  ];
  if (address !== undefined && missing.length === 0) return address;
  throw new CliError(
    `\`perdure ${role}\` shares its store and its Temporal server with other processes: set ${missing.join(' and ')}. For everything in one process use \`perdure start\`.`,
    EXIT.usage,
  );
}
