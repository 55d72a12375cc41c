import { acquireDataLock, startEmbedded, type Embedded } from '../../dev-server/index.ts';
import type { Startup } from './serve.ts';
import type { ServiceSettings } from './temporal-settings.ts';

export interface OpenTemporal extends Pick<Embedded, 'address' | 'uiUrl' | 'recordGateway'> {
  /** Records in the data folder that this process is stopping. */
  readonly recordStopping: () => void;
  /** Whether this process runs the server. */
  readonly own: boolean;
}

export interface OpenTemporalOptions {
  /** Whether to serve Temporal's UI. */
  readonly ui: boolean;
  readonly env: NodeJS.ProcessEnv;
  /** Called when the data folder is locked and the server starts. The rest of the start can proceed until the server is ready. */
  readonly onLocked: () => void;
  /** Resolves with the URL of the remote codec for the UI, null for none. Awaited before a server with a UI starts. If it rejects, there is none. */
  readonly uiCodecEndpoint: (() => Promise<string | null>) | null;
  /** Awaited before a server is downloaded or built, which takes long. If it rejects, there is none. */
  readonly beforeFetch: () => Promise<unknown>;
}

/**
 * Returns the address of the configured Temporal server; starts an embedded one, and resolves when it is ready, if none is
 * configured. Locks the data folder, unless both servers are configured.
 */
export async function openTemporal(
  settings: ServiceSettings,
  { ui, env, onLocked, uiCodecEndpoint, beforeFetch }: OpenTemporalOptions,
  { progress, stack, print }: Pick<Startup, 'progress' | 'stack' | 'print'>,
): Promise<OpenTemporal> {
  const { dataDir, temporal, temporalPort, temporalUiPort, databaseUrl } = settings;
  const isUsed = temporal.address === undefined || databaseUrl === undefined;
  // Held until the store is closed, also when the server fails.
  const lock = dataDir !== undefined && isUsed ? await acquireDataLock(dataDir, (line) => progress.note(line)) : null;
  stack.defer(() => lock?.release());
  const recordStopping = (): void => lock?.recordStopping();
  if (temporal.address !== undefined) {
    onLocked();
    const recordGateway = (url: string): void => lock?.recordGateway(url);
    return { address: temporal.address, uiUrl: null, own: false, recordGateway, recordStopping };
  }
  const findEndpoint = ui || temporalUiPort !== undefined ? uiCodecEndpoint : null;
  if (findEndpoint !== null) onLocked();
  const endpoint = (await findEndpoint?.()) ?? null;
  progress.step('Starting the Temporal server');
  const starting = startEmbedded({
    dataDir: dataDir ?? null,
    lock: lock ?? undefined,
    env,
    onProgress: (line) => progress.note(line),
    namespace: temporal.namespace,
    ports: { temporal: temporalPort, ui: temporalUiPort ?? ui },
    uiCodecEndpoint: endpoint,
    onSpawned: onLocked,
    async beforeFetch() {
      onLocked();
      await beforeFetch();
      progress.step('Starting the Temporal server');
    },
  });
  // First, because the start can fail elsewhere before the server is ready.
  stack.defer(async () => (await starting.catch(() => null))?.stop());
  const embedded = await starting;
  for (const note of embedded.notes) progress.note(note);
  printServerEvents(embedded, print, dataDir === undefined);
  return { ...embedded, own: true, recordStopping };
}

function printServerEvents(embedded: Embedded, print: (line: string) => void, inMemory: boolean): void {
  const lost = inMemory ? 'Open sessions continue from the store.' : 'Nothing is lost.';
  embedded.onEvent((event) => {
    if (event.kind === 'died') print(`The Temporal server died (${event.cause}) and is restarted. ${lost}`);
    if (event.kind === 'restarted') print(`The Temporal server is back after ${event.downMs} ms.`);
    if (event.kind === 'gave-up') print(`The Temporal server could not be restarted: ${event.reason}`);
  });
}
