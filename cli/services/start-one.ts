import { CliError, EXIT } from '../shared/exit-codes.ts';
import { serve } from './serve.ts';
import { readSettings } from './settings.ts';
import type { Settings } from './settings.ts';

/** `perdure worker` and `perdure gateway`: one of the two, for production. */
export async function startOne(what: 'worker' | 'gateway', env: NodeJS.ProcessEnv): Promise<number> {
  const settings = readSettings(env);
  const address = needTemporal(settings, what);
  // Takes a second to load; what is missing is told at once.
  const { openModels, openServices, openTelemetry, readFiles, startGateway, startHealth, startWorkerOver } =
    await import('./services.ts');
  return serve(async ({ progress, stack, check, say }) => {
    const files = await readFiles(settings, env, progress);
    const models = what === 'worker' ? await openModels(env, files.deployment, progress) : null;
    check();
    const telemetry = await openTelemetry(settings, 'json', env, stack);
    const services = await openServices(files, settings, progress, stack, telemetry);
    check();
    if (models === null) {
      const { url } = await startGateway(services, settings, address, stack);
      say(`The gateway listens at ${url}.`);
      return { died: new Promise(() => undefined) };
    }
    progress.step('Starting the worker');
    const worker = await startWorkerOver({ ...services, models }, settings, address, stack);
    const health = await startHealth(services, settings, worker, stack);
    if (health !== null) say(`Health and metrics are at ${health}.`);
    say(`The worker is ready; agents that name no model use ${models.defaultModel}.`);
    return { died: worker.done };
  });
}

/** Where a process of its own finds the server; its store must be shared as well. */
function needTemporal({ databaseUrl, temporalAddress }: Settings, what: string): string {
  const missing = [
    ...(databaseUrl === undefined ? ['DATABASE_URL (a PostgreSQL)'] : []),
    ...(temporalAddress === undefined ? ['TEMPORAL_ADDRESS (a Temporal server)'] : []),
  ];
  if (temporalAddress !== undefined && missing.length === 0) return temporalAddress;
  throw new CliError(
    `\`perdure ${what}\` shares its store and its Temporal server with other processes: set ${missing.join(' and ')}. For everything in one process there is \`perdure start\`.`,
    EXIT.usage,
  );
}
