import { acquireDataLock, startEmbedded, type Embedded } from '../../dev-server/index.ts';
import type { Startup } from './serve.ts';
import type { Settings } from './settings.ts';

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
  /** Awaited before a server is downloaded or built, which takes long. If it rejects, there is none. */
  readonly beforeFetch: () => Promise<unknown>;
}

/**
 * Returns the address of the configured Temporal server; starts an embedded one, and resolves when it is ready, if none is
 * configured. Locks the data folder, unless both servers are configured.
 */
export async function openTemporal(
  settings: Settings,
  { ui, env, onLocked, beforeFetch }: OpenTemporalOptions,
  { progress, stack, print }: Pick<Startup, 'progress' | 'stack' | 'print'>,
): Promise<OpenTemporal> {
  const { dataDir, temporalAddress, temporalNamespace, temporalPort, temporalUiPort, databaseUrl } = settings;
  const isLocked = temporalAddress === undefined || databaseUrl === undefined;
  // Held until the store is closed, also when the server fails.
  const lock = isLocked ? await acquireDataLock(dataDir, (line) => progress.note(line)) : null;
  stack.defer(() => lock?.release());
  const recordStopping = (): void => lock?.recordStopping();
  if (temporalAddress !== undefined) {
    onLocked();
    const recordGateway = (url: string): void => lock?.recordGateway(url);
    return { address: temporalAddress, uiUrl: null, own: false, recordGateway, recordStopping };
  }
  progress.step('Starting the Temporal server');
  const starting = startEmbedded({
    dataDir,
    lock: lock ?? undefined,
    env,
    onProgress: (line) => progress.note(line),
    namespace: temporalNamespace,
    ports: { temporal: temporalPort, ui: temporalUiPort ?? ui },
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
  printServerEvents(embedded, print);
  return { ...embedded, own: true, recordStopping };
}

function printServerEvents(embedded: Embedded, print: (line: string) => void): void {
  embedded.onEvent((event) => {
    if (event.kind === 'died') print(`The Temporal server died (${event.cause}) and is restarted. Nothing is lost.`);
    if (event.kind === 'restarted') print(`The Temporal server is back after ${event.downMs} ms.`);
    if (event.kind === 'gave-up') print(`The Temporal server could not be restarted: ${event.reason}`);
  });
}
