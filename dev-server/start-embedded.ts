import { acquireDataLock, type DataLock, type ServerRecord } from './data-lock.ts';
import type { EnvVars } from './find-program.ts';
import { choosePorts, rememberPorts, type ChosenPorts, type RequestedPorts } from './choose-ports.ts';
import { isFree } from './ports.ts';
import { endProcess, isRunning } from './process-identity.ts';
import { provideTemporalBinary, type ProvideTemporalOptions, type TemporalBinary } from './provide-temporal.ts';
import { startTemporalServer } from './start-temporal-server.ts';
import { findTemporalServers } from './find-temporal-servers.ts';
import { isTemporalReady } from './temporal-health.ts';
import type { TemporalServer, TemporalServerEvent, TemporalServerOptions } from './temporal-server.ts';
import { settingsFingerprint, settingsOf, type DynamicValue } from './temporal-settings.ts';

export interface EmbeddedOptions {
  /** The data folder (`.perdure`), created when missing; null keeps everything in memory, without a lock. */
  readonly dataDir: string | null;
  /** Default `process.env`; {@link provideTemporalBinary} lists the variables. */
  readonly env?: EnvVars | undefined;
  /** Called with a line to show during long operations. */
  readonly onProgress?: ((line: string) => void) | undefined;
  readonly ports?: RequestedPorts | undefined;
  readonly namespace?: string | undefined;
  readonly dynamicConfig?: Readonly<Record<string, DynamicValue>> | undefined;
  /** URL of the remote codec at which pages of the UI decode payloads. Default null: none. */
  readonly uiCodecEndpoint?: string | null | undefined;
  /** The lock of `dataDir`, which the caller releases after it has closed everything in the folder. Default: `startEmbedded` acquires it, and releases it when it fails or stops. */
  readonly lock?: DataLock | undefined;
  /** Called when the data folder is locked and the server runs, before it is ready. */
  readonly onSpawned?: (() => void) | undefined;
  /** As of {@link ProvideTemporalOptions}. The data folder is locked by then. */
  readonly beforeFetch?: ProvideTemporalOptions['beforeFetch'];
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
  /** Records the URL of this process's gateway in the data folder. */
  recordGateway(url: string): void;
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
  if (options.lock) return startLocked(options, options.lock);
  const lock = options.dataDir === null ? null : await acquireDataLock(options.dataDir);
  try {
    return await startLocked(options, lock);
  } catch (error) {
    lock?.release();
    throw error;
  }
}

async function startLocked(options: EmbeddedOptions, lock: DataLock | null): Promise<Embedded> {
  const { env, onProgress, beforeFetch, namespace, dynamicConfig, uiCodecEndpoint } = options;
  const binary = await provideTemporalBinary({
    ...(env && { env }),
    ...(onProgress && { onProgress }),
    ...(beforeFetch && { beforeFetch }),
  });
  const notes = [...binary.notes];
  const listeners = new Set<(event: TemporalServerEvent) => void>();
  const common = {
    binary: binary.path,
    dataDir: lock?.dataDir ?? null,
    namespace,
    dynamicConfig,
    uiCodecEndpoint,
    onEvent(event: TemporalServerEvent) {
      if (event.kind === 'spawned') {
        lock?.recordServer(event.server);
        options.onSpawned?.();
      }
      for (const listener of listeners) listener(event);
    },
  };
  const adopt = lock === null ? undefined : await clearFolder(lock, binary, { ...common, ports: options.ports }, notes);
  if (adopt) options.onSpawned?.();
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
    recordGateway(url) {
      lock?.recordGateway(url);
    },
    async stop() {
      await server.stop();
      lock?.recordServer(null);
      if (!options.lock) lock?.release();
    },
  };
}

type AdoptionOptions = Pick<TemporalServerOptions, 'dataDir' | 'namespace' | 'dynamicConfig' | 'uiCodecEndpoint'> & {
  readonly ports: RequestedPorts | undefined;
};

/** Ends every server that uses the folder, except one that can be adopted: that one is returned. */
async function clearFolder(
  lock: DataLock,
  binary: TemporalBinary,
  options: AdoptionOptions,
  notes: string[],
): Promise<ServerRecord | undefined> {
  const orphan = lock.orphan ?? undefined;
  const adopt = orphan && (await isAdoptable(orphan, binary, options)) ? orphan : undefined;
  const found = findTemporalServers(lock.dataDir);
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

async function isAdoptable(orphan: ServerRecord, binary: TemporalBinary, options: AdoptionOptions): Promise<boolean> {
  const settings = settingsOf(options);
  if (orphan.binary !== binary.path || orphan.settings !== settingsFingerprint(settings)) return false;
  if (!hasPorts(orphan, options.ports ?? {})) return false;
  return isTemporalReady(orphan.address, settings.namespace, ORPHAN_RESPONSE_TIMEOUT_MS);
}

/** Whether a server listens on the ports that were asked for. */
function hasPorts(server: ServerRecord, { temporal, ui = false }: RequestedPorts): boolean {
  const port = Number(server.address.split(':').at(-1));
  if (temporal !== undefined && temporal !== 0 && temporal !== port) return false;
  if ((server.uiUrl === null) !== (ui === false)) return false;
  return typeof ui === 'boolean' || ui === 0 || server.uiUrl?.endsWith(`:${ui}`) === true;
}

/** Chooses again when another program takes a port between the check and the server's bind. */
async function startOnFreePorts(
  options: Omit<TemporalServerOptions, 'port' | 'uiPort'>,
  ports: RequestedPorts,
  notes: string[],
): Promise<TemporalServer> {
  for (;;) {
    const chosen = await choosePorts(options.dataDir, ports);
    try {
      const server = await startTemporalServer({ ...options, port: chosen.temporal, uiPort: chosen.ui });
      notes.push(...chosen.notes);
      if (options.dataDir !== null) rememberPorts(options.dataDir, chosen);
      return server;
    } catch (error) {
      if (await areFree(chosen)) throw error;
    }
  }
}

async function areFree({ temporal, ui }: ChosenPorts): Promise<boolean> {
  return (await isFree(temporal)) && (ui === null || (await isFree(ui)));
}
