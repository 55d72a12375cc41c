import module from 'node:module';
import type { Deployment } from '../../contracts/deployment.ts';
import type { AgentRegistry } from '../../agents/agent-registry.ts';
import { createReplaceableRegistry } from '../../agents/replaceable-registry.ts';
import { prepareWorkflowThread } from '../../worker/session-worker.ts';
import { saveAgentVersions } from '../../worker/save-agent-versions.ts';
import { terminalWidth } from '../render/terminal-width.ts';
import { handleUncaughtErrors } from './handle-uncaught-errors.ts';
import type { OpenTemporal } from './open-temporal.ts';
import { readLoadedFiles, reloadAgents } from './reload-agents.ts';
import type { Startup } from './serve.ts';
import {
  awaitTemporal,
  checkAgentModels,
  findModels,
  loadAgents,
  openServices,
  openTelemetry,
  readFiles,
  startGateway,
  startWorkerWith,
} from './services.ts';
import type { ServiceSettings } from './temporal-settings.ts';
import { findUiCodecEndpoint } from './ui-codec-endpoint.ts';
import { welcome } from './welcome.ts';

/** The services of `perdure start`, with their files read. */
export interface LoadedServices {
  /** The URL at which the embedded Temporal UI can decode payloads; null if there is none. */
  findUiCodecEndpoint(): Promise<string | null>;
  /** Starts them, once the Temporal server is ready. `died` rejects when the worker fails. `reload`: reload the agents when their files change. */
  start(temporal: Promise<OpenTemporal>, reload: boolean): Promise<{ readonly died: Promise<unknown> }>;
}

const ATTACHMENTS_NOTICE =
  'Images and files are kept in memory, not in the folder or bucket that `attachments` of the deployment file names.';

/** Whether the deployment file names a place for attachments, which a store in memory does not use. */
function isKeptElsewhere({ dataDir, databaseUrl }: ServiceSettings, { attachments }: Deployment): boolean {
  return dataDir === undefined && databaseUrl === undefined && (attachments?.store ?? 'database') !== 'database';
}

/** Reads the files and finds a model, so that their errors are reported before anything slow starts. */
export async function loadServices(
  settings: ServiceSettings,
  env: NodeJS.ProcessEnv,
  startup: Startup,
): Promise<LoadedServices> {
  const { progress, stack, throwIfStopping, print } = startup;
  const loaded = await readLoadedFiles(settings);
  const files = await readFiles(settings, env, progress);
  if (isKeptElsewhere(settings, files.deployment)) progress.note(ATTACHMENTS_NOTICE);
  const agents = createReplaceableRegistry(files.agents);
  const models = await findModels(env, files.deployment, progress);
  checkAgentModels(agents, models);
  return {
    findUiCodecEndpoint: () => findUiCodecEndpoint(settings, files.deployment),
    async start(temporal, reload) {
      prepareWorkflowThread();
      const telemetry = await openTelemetry(settings, 'plain', env, stack);
      handleUncaughtErrors(telemetry, startup);
      const services = await openServices({ ...files, agents }, settings, startup, telemetry, env);
      throwIfStopping();
      if ((await Promise.race([temporal, Promise.resolve()])) === undefined)
        progress.step('Waiting for the Temporal server');
      const { address, uiUrl, own, recordGateway, recordStopping } = await temporal;
      throwIfStopping();
      progress.step('Starting the worker');
      if (!own) await awaitTemporal(settings, address, startup);
      const worker = await startWorkerWith({ ...services, models }, settings, address, stack);
      throwIfStopping();
      progress.step('Starting the gateway');
      const gateway = await startGateway(services, settings, address, stack, models.defaultModel);
      recordGateway(gateway.url);
      progress.done();
      if (gateway.port !== settings.port && settings.port !== 0) {
        print(`  The port ${settings.port} is in use; the gateway took ${gateway.port}.`);
      }
      const { defaultModel: model, choice } = models;
      const names = agents.list().map(({ name }) => name);
      const watching = reload ? settings.agentsDir : null;
      const server = own ? { address, uiUrl } : null;
      const up = {
        gateway: gateway.url,
        temporal: server,
        inMemory: services.db.isInMemory === true,
        model,
        because: choice.because,
        agents: names,
        watching,
        width: terminalWidth({ terminal: process.stdout.isTTY }),
      };
      for (const line of welcome(up)) print(line);
      // Node writes it at exit only, and a start after a kill should be quick.
      module.flushCompileCache();
      if (reload) {
        const load = async (revision: number): Promise<AgentRegistry> => {
          const next = await loadAgents(settings, env, print, revision);
          checkAgentModels(next, models);
          return next;
        };
        const save = (next: AgentRegistry) => saveAgentVersions(services.db, next);
        stack.use(reloadAgents({ ...settings, agents, loaded, load, save, print }));
      }
      // Called first when the process stops.
      stack.defer(recordStopping);
      return { died: worker.done };
    },
  };
}
