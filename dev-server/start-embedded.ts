import { acquireDataLock, type DataLock, type ServerRecord } from './data-lock.ts';
import type { EnvVars } from './find-program.ts';
import { choosePort, DEFAULT_PORTS, isFree } from './ports.ts';
import { endProcess, isRunning } from './process-identity.ts';
import { provideTemporalBinary, type TemporalBinary } from './provide-temporal.ts';
import { startTemporalServer } from './start-temporal-server.ts';
import { findTemporalServers } from './find-temporal-servers.ts';
import { isTemporalReady } from './temporal-health.ts';
import type { TemporalServer, TemporalServerEvent, TemporalServerOptions } from './temporal-server.ts';
import { databaseFile, settingsFingerprint, settingsOf, type DynamicValue } from './temporal-settings.ts';

export interface EmbeddedOptions {
  /** The data folder (`.perdure`), created when missing; null keeps everything in memory, without a lock. */
  readonly dataDir: string | null;
  /** Default `process.env`; {@link provideTemporalBinary} lists the variables. */
  readonly env?: EnvVars | undefined;
  /** Called with a line to show during long operations. */
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Preferred ports; the next free one is used instead of one in use. Default: 7233, and 8233 for the UI. `ui: null` starts no UI. */
  readonly ports?: { readonly temporal?: number; readonly ui?: number | null } | undefined;
  readonly namespace?: string | undefined;
  readonly dynamicConfig?: Readonly<Record<string, DynamicValue>> | undefined;
}

/** A running embedded Temporal server with its data folder. */
export interface Embedded {
  /** `host:port` of Temporal. Does not change with restarts. */
  readonly address: string;
  readonly uiUrl: string | null;
  /** Notes for the user: ports in use, programs skipped, servers adopted or ended. */
  readonly notes: readonly string[];
  readonly server: TemporalServer;
  /** Subscribes to deaths and restarts of the server; returns the function that unsubscribes. A listener must not throw. */
  onEvent(listener: (event: TemporalServerEvent) => void): () => void;
  /** Ends the server and unlocks the data folder. Close the store in the folder first. */
  stop(): Promise<void>;
}

/**
 * Locks the data folder and runs a Temporal server on it: a new one, or the one that a killed owner left running, if it
 * responds and has the same program and settings.
 * @throws {DataFolderInUseError} when another running process owns the folder.
 * @throws {PerdureError} `temporal_unavailable` when no server can be found, built or started, with the remedy.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const lock = options.dataDir === null ? null : await acquireDataLock(options.dataDir);
  try {
    return await startLocked(options, lock);
  } catch (error) {
    lock?.release();
    throw error;
  }
}

async function startLocked(options: EmbeddedOptions, lock: DataLock | null): Promise<Embedded> {
  const { env, onProgress, namespace, dynamicConfig } = options;
  const binary = await provideTemporalBinary({ ...(env && { env }), ...(onProgress && { onProgress }) });
  const notes = [...binary.notes];
  const listeners = new Set<(event: TemporalServerEvent) => void>();
  const common = {
    binary: binary.path,
    dataDir: lock?.dataDir ?? null,
    namespace,
    dynamicConfig,
    onEvent(event: TemporalServerEvent) {
      if (event.kind === 'spawned') lock?.recordServer(event.server);
      for (const listener of listeners) listener(event);
    },
  };
  const adopt = lock === null ? undefined : await clearFolder(lock, binary, common, notes);
  const server = adopt
    ? await startTemporalServer({ ...common, adopt })
    : await startOnFreePorts(common, options.ports ?? {}, notes);
  return {
    address: server.address,
    uiUrl: server.uiUrl,
    notes,
    server,
    onEvent(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async stop() {
      await server.stop();
      lock?.recordServer(null);
      lock?.release();
    },
  };
}

/** Ends every server that uses the folder, except one that can be adopted: that one is returned. */
async function clearFolder(
  lock: DataLock,
  binary: TemporalBinary,
  options: Pick<TemporalServerOptions, 'dataDir' | 'namespace' | 'dynamicConfig'>,
  notes: string[],
): Promise<ServerRecord | undefined> {
  const orphan = lock.orphan ?? undefined;
  const adopt = orphan && (await isAdoptable(orphan, binary, options)) ? orphan : undefined;
  const found = findTemporalServers(databaseFile(lock.dataDir));
  if (orphan && isRunning(orphan) && !found.some(({ pid }) => pid === orphan.pid)) found.push(orphan);
  for (const other of found.filter(({ pid }) => pid !== adopt?.pid)) {
    await endProcess(other, ORPHAN_GRACE_MS);
    notes.push(`Ended Temporal server ${other.pid}, which an earlier run left running on the data folder.`);
  }
  if (adopt) notes.push(`Adopted Temporal server ${adopt.pid}, which an earlier run left running.`);
  else lock.recordServer(null);
  return adopt;
}

const ORPHAN_RESPONSE_TIMEOUT_MS = 3_000;
/** The server is then killed; its write-ahead log keeps the database consistent. */
const ORPHAN_GRACE_MS = 4_000;

async function isAdoptable(
  orphan: ServerRecord,
  binary: TemporalBinary,
  options: Pick<TemporalServerOptions, 'dataDir' | 'namespace' | 'dynamicConfig'>,
): Promise<boolean> {
  const settings = settingsOf(options);
  if (orphan.binary !== binary.path || orphan.settings !== settingsFingerprint(settings)) return false;
  return isTemporalReady(orphan.address, settings.namespace, ORPHAN_RESPONSE_TIMEOUT_MS);
}

/** Retries with higher ports when another program takes a port between the check and the server's bind. */
async function startOnFreePorts(
  options: Omit<TemporalServerOptions, 'port' | 'uiPort'>,
  ports: NonNullable<EmbeddedOptions['ports']>,
  notes: string[],
): Promise<TemporalServer> {
  const preferredUi = ports.ui === undefined ? DEFAULT_PORTS.ui : ports.ui;
  for (;;) {
    const main = await choosePort(ports.temporal ?? DEFAULT_PORTS.temporal, 'Temporal');
    const ui = preferredUi === null ? null : await choosePort(preferredUi, 'the Temporal UI');
    try {
      const server = await startTemporalServer({ ...options, port: main.port, uiPort: ui?.port ?? null });
      for (const note of [main.note, ui?.note]) if (note) notes.push(note);
      return server;
    } catch (error) {
      const portTaken = !(await isFree(main.port)) || (ui !== null && !(await isFree(ui.port)));
      if (!portTaken) throw error;
    }
  }
}
