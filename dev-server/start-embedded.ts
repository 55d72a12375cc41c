import { acquireDataLock, type DataLock, type ServerRecord } from './data-lock.ts';
import type { EnvVars } from './find-program.ts';
import { choosePort, DEFAULT_PORTS, isFree } from './ports.ts';
import { endProcess, isRunning } from './process-identity.ts';
import { provideTemporalBinary, type TemporalBinary } from './provide-temporal.ts';
import { startTemporalServer } from './start-temporal-server.ts';
import { findTemporalServers } from './find-temporal-servers.ts';
import { temporalAnswers } from './temporal-health.ts';
import type { TemporalServer, TemporalServerEvent, TemporalServerOptions } from './temporal-server.ts';
import { databaseFile, settingsFingerprint, settingsOf, type DynamicValue } from './temporal-settings.ts';

export interface EmbeddedOptions {
  /** The data folder (`.perdure`), made when absent; null keeps everything in memory and locks nothing. */
  readonly dataDir: string | null;
  /** Default `process.env`; see {@link provideTemporalBinary} for what is read. */
  readonly env?: EnvVars | undefined;
  /** Called with a line to show while something takes long. */
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Where to listen; the next free port is taken instead of one in use. Default 7233, and 8233 for the UI; a `ui` of null is none. */
  readonly ports?: { readonly temporal?: number; readonly ui?: number | null } | undefined;
  readonly namespace?: string | undefined;
  readonly dynamicConfig?: Readonly<Record<string, DynamicValue>> | undefined;
}

/** A running embedded mode. */
export interface Embedded {
  /** `host:port` of Temporal; stays the same through restarts. */
  readonly address: string;
  readonly uiUrl: string | null;
  /** What to tell the user: ports that were in use, programs passed over, a server that was adopted. */
  readonly notes: readonly string[];
  readonly server: TemporalServer;
  /** Hears of the server's deaths and restarts; returns how to stop hearing. A listener must not throw. */
  onEvent(listener: (event: TemporalServerEvent) => void): () => void;
  /** Ends the server and lets go of the data folder. To be called last: the store in the folder must be closed. */
  stop(): Promise<void>;
}

/**
 * Locks the data folder and runs a Temporal server on it: the one that a killed owner left, if it still
 * answers and was started by the same program with the same settings, or a new one.
 * @throws {DataFolderInUseError} when another live process owns the folder.
 * @throws {PerdureError} `temporal_unavailable` when no server can be found, made or started; says what to do.
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

/** Afterwards no server works on the folder but the one returned, which is to be adopted. */
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
    await endProcess(other, ORPHAN_ENDS_WITHIN_MS);
    notes.push(`Ended the Temporal server ${other.pid}, which an earlier run had left on the data folder.`);
  }
  if (adopt) notes.push(`Took over the Temporal server ${adopt.pid}, which an earlier run had left running.`);
  else lock.recordServer(null);
  return adopt;
}

const ORPHAN_ANSWERS_WITHIN_MS = 3_000;
/** Then it is killed, which its write-ahead log survives. */
const ORPHAN_ENDS_WITHIN_MS = 4_000;

async function isAdoptable(
  orphan: ServerRecord,
  binary: TemporalBinary,
  options: Pick<TemporalServerOptions, 'dataDir' | 'namespace' | 'dynamicConfig'>,
): Promise<boolean> {
  const settings = settingsOf(options);
  if (orphan.binary !== binary.path || orphan.settings !== settingsFingerprint(settings)) return false;
  return temporalAnswers(orphan.address, settings.namespace, ORPHAN_ANSWERS_WITHIN_MS);
}

/** Between the look at a port and the server's bind another program may take it: then once more, higher. */
async function startOnFreePorts(
  options: Omit<TemporalServerOptions, 'port' | 'uiPort'>,
  ports: NonNullable<EmbeddedOptions['ports']>,
  notes: string[],
): Promise<TemporalServer> {
  const wantedUi = ports.ui === undefined ? DEFAULT_PORTS.ui : ports.ui;
  for (;;) {
    const main = await choosePort(ports.temporal ?? DEFAULT_PORTS.temporal, 'Temporal');
    const ui = wantedUi === null ? null : await choosePort(wantedUi, 'the Temporal UI');
    try {
      const server = await startTemporalServer({ ...options, port: main.port, uiPort: ui?.port ?? null });
      for (const note of [main.note, ui?.note]) if (note) notes.push(note);
      return server;
    } catch (error) {
      const lost = !(await isFree(main.port)) || (ui !== null && !(await isFree(ui.port)));
      if (!lost) throw error;
    }
  }
}
