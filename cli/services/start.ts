import { prepareHostStore } from '../../hosting/prepare-host-store.ts';
import { serve } from './serve.ts';
import { IN_MEMORY_NOTICE, inMemory, withoutNotes } from './memory-settings.ts';
import { openTemporal } from './open-temporal.ts';
import { decodesPayloads } from './settings.ts';
import { readServiceSettings } from './temporal-settings.ts';

export interface StartOptions {
  /** Whether to reload the agents when their files change. */
  readonly reload: boolean;
  /** Whether to serve Temporal's UI. */
  readonly ui: boolean;
  /** Whether to keep everything in memory. */
  readonly memory: boolean;
}

/**
 * `perdure start`: worker and gateway in this process, with an embedded Temporal server and store unless others are
 * configured. Resolves with the exit code. While the server starts, this process loads its code, reads the files and opens
 * the store.
 */
export async function start(given: NodeJS.ProcessEnv, { reload, ui, memory }: StartOptions): Promise<number> {
  const configured = readServiceSettings(given);
  const settings = memory ? inMemory(configured, given) : configured;
  const env = memory ? withoutNotes(given) : given;
  // The files of the data folder, and those of tools, are for their owner only.
  process.umask(0o077);
  return serve(async (startup) => {
    const { throwIfStopping } = startup;
    if (memory) startup.print(IN_MEMORY_NOTICE);
    const locked = Promise.withResolvers<void>();
    const loading = locked.promise.then(async () => {
      startup.stack.use(prepareHostStore(settings));
      const { loadServices } = await import('./start-services.ts');
      return loadServices(settings, env, startup);
    });
    loading.catch(() => undefined);
    const options = {
      ui,
      env,
      onLocked: locked.resolve,
      uiCodecEndpoint: decodesPayloads(settings) ? async () => (await loading).findUiCodecEndpoint() : null,
      beforeFetch: () => loading,
    };
    const temporal = openTemporal(settings, options, startup);
    temporal.catch(() => undefined);
    await Promise.race([locked.promise, temporal]);
    const services = await loading;
    throwIfStopping();
    return services.start(temporal, reload);
  });
}
