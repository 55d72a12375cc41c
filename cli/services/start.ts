import type { AgentRegistry } from '../../agents/agent-registry.ts';
import { createReplaceableRegistry } from '../../agents/replaceable-registry.ts';
import { acquireDataLock, startEmbedded } from '../../dev-server/index.ts';
import type { Embedded } from '../../dev-server/index.ts';
import { saveAgentVersions } from '../../worker/save-agent-versions.ts';
import { readLoadedFiles, reloadAgents } from './reload-agents.ts';
import { serve } from './serve.ts';
import type { Startup } from './serve.ts';
import {
  findModels,
  loadAgents,
  openServices,
  openTelemetry,
  readFiles,
  startGateway,
  startWorkerWith,
} from './services.ts';
import { readSettings } from './settings.ts';
import type { Settings } from './settings.ts';
import { welcome } from './welcome.ts';

export interface StartOptions {
  /** Whether to reload the agents when their files change. */
  readonly reload: boolean;
}

/** `perdure start`: worker and gateway in this process, with an embedded Temporal server and store unless others are configured. Resolves with the exit code. */
export async function start(env: NodeJS.ProcessEnv, { reload }: StartOptions): Promise<number> {
  const settings = readSettings(env);
  return serve(async (startup) => {
    const { progress, stack, throwIfStopping, print } = startup;
    const loaded = await readLoadedFiles(settings);
    const files = await readFiles(settings, env, progress);
    const agents = createReplaceableRegistry(files.agents);
    const models = await findModels(env, files.deployment, progress);
    throwIfStopping();
    const { address, uiUrl } = await openTemporal(settings, env, startup);
    throwIfStopping();
    const telemetry = await openTelemetry(settings, 'plain', env, stack);
    const services = await openServices({ ...files, agents }, settings, progress, stack, telemetry);
    throwIfStopping();
    progress.step('Starting the worker');
    const worker = await startWorkerWith({ ...services, models }, settings, address, stack);
    throwIfStopping();
    progress.step('Starting the gateway');
    const gateway = await startGateway(services, settings, address, stack);
    progress.done();
    if (gateway.port !== settings.port && settings.port !== 0) {
      print(`  The port ${settings.port} is in use; the gateway took ${gateway.port}.`);
    }
    const { defaultModel: model, choice } = models;
    const names = agents.list().map(({ name }) => name);
    const watching = reload ? settings.agentsDir : null;
    const up = { gateway: gateway.url, uiUrl, model, because: choice.because, agents: names, watching };
    for (const line of welcome(up)) print(line);
    if (reload) {
      const load = (revision: number) => loadAgents(settings, env, print, revision);
      const save = (next: AgentRegistry) => saveAgentVersions(services.db, next);
      stack.use(reloadAgents({ ...settings, agents, loaded, load, save, print }));
    }
    return { died: worker.done };
  });
}

/** Returns the address of the configured Temporal server; starts an embedded one, which locks the data folder, if none is configured. */
async function openTemporal(
  settings: Settings,
  env: NodeJS.ProcessEnv,
  { progress, stack, print }: Startup,
): Promise<{ address: string; uiUrl: string | null }> {
  const { dataDir, temporalAddress, temporalNamespace, databaseUrl } = settings;
  if (temporalAddress !== undefined) {
    // The embedded store needs the lock, which the embedded server would otherwise hold.
    if (databaseUrl === undefined) stack.adopt(await acquireDataLock(dataDir), (lock) => lock.release());
    return { address: temporalAddress, uiUrl: null };
  }
  progress.step('Starting the Temporal server');
  const onProgress = (line: string): void => progress.note(line);
  const embedded = await startEmbedded({ dataDir, env, onProgress, namespace: temporalNamespace });
  stack.adopt(embedded, (it) => it.stop());
  for (const note of embedded.notes) progress.note(note);
  printServerEvents(embedded, print);
  return embedded;
}

function printServerEvents(embedded: Embedded, print: (line: string) => void): void {
  embedded.onEvent((event) => {
    if (event.kind === 'died') print(`The Temporal server died (${event.cause}) and is restarted. Nothing is lost.`);
    if (event.kind === 'restarted') print(`The Temporal server is back after ${event.downMs} ms.`);
    if (event.kind === 'gave-up') print(`The Temporal server could not be restarted: ${event.reason}`);
  });
}
