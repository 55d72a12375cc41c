import { acquireDataLock, startEmbedded } from '../../dev-server/index.ts';
import type { Embedded } from '../../dev-server/index.ts';
import { serve } from './serve.ts';
import type { Startup } from './serve.ts';
import { openModels, openServices, openTelemetry, readFiles, startGateway, startWorkerOver } from './services.ts';
import { readSettings } from './settings.ts';
import type { Settings } from './settings.ts';
import { welcome } from './welcome.ts';

/** `perdure start`: worker and gateway in this process, and what they need where it is not given. Resolves with the exit code. */
export async function start(env: NodeJS.ProcessEnv): Promise<number> {
  const settings = readSettings(env);
  return serve(async (startup) => {
    const { progress, stack, check, say } = startup;
    const files = await readFiles(settings, env, progress);
    const models = await openModels(env, files.deployment, progress);
    check();
    const { address, uiUrl } = await openTemporal(settings, env, startup);
    check();
    const telemetry = await openTelemetry(settings, 'plain', env, stack);
    const services = await openServices(files, settings, progress, stack, telemetry);
    check();
    progress.step('Starting the worker');
    const worker = await startWorkerOver({ ...services, models }, settings, address, stack);
    check();
    progress.step('Starting the gateway');
    const gateway = await startGateway(services, settings, address, stack);
    progress.done();
    if (gateway.port !== settings.port && settings.port !== 0) {
      say(`  The port ${settings.port} is in use; the gateway took ${gateway.port}.`);
    }
    const agents = services.agents.list().map(({ name }) => name);
    for (const line of welcome({
      gateway: gateway.url,
      uiUrl,
      model: models.defaultModel,
      because: models.choice.because,
      agents,
    }))
      say(line);
    return { died: worker.done };
  });
}

/** The given server, or one of our own, which also owns the data folder. */
async function openTemporal(
  settings: Settings,
  env: NodeJS.ProcessEnv,
  { progress, stack, say }: Startup,
): Promise<{ address: string; uiUrl: string | null }> {
  const { dataDir, temporalAddress, temporalNamespace, databaseUrl } = settings;
  if (temporalAddress !== undefined) {
    // The embedded store's files still need an owner.
    if (databaseUrl === undefined) stack.adopt(await acquireDataLock(dataDir), (lock) => lock.release());
    return { address: temporalAddress, uiUrl: null };
  }
  progress.step('Starting the Temporal server');
  const onProgress = (line: string): void => progress.note(line);
  const embedded = await startEmbedded({ dataDir, env, onProgress, namespace: temporalNamespace });
  stack.adopt(embedded, (it) => it.stop());
  for (const note of embedded.notes) progress.note(note);
  tellOfTrouble(embedded, say);
  return embedded;
}

function tellOfTrouble(embedded: Embedded, say: (line: string) => void): void {
  embedded.onEvent((event) => {
    if (event.kind === 'died') say(`The Temporal server died (${event.cause}); it is started again. Nothing is lost.`);
    if (event.kind === 'restarted') say(`The Temporal server is back after ${event.downMs} ms.`);
    if (event.kind === 'gave-up') say(`The Temporal server stays down: ${event.reason}`);
  });
}
