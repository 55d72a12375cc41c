import { createHash } from 'node:crypto';
import { SEARCH_ATTRIBUTE } from '../contracts/names.ts';
import { LOOPBACK } from './ports.ts';

/** A dynamic configuration value. Durations are strings such as `"1ms"`. */
export type DynamicValue = string | number | boolean | readonly string[];

/** The settings of a server, without its ports. */
export interface TemporalSettings {
  /** Folder of `temporal.db` and `temporal.log`; null keeps everything in memory. */
  readonly dataDir: string | null;
  readonly namespace: string;
  /** Overrides {@link DYNAMIC_CONFIG}. */
  readonly dynamicConfig: Readonly<Record<string, DynamicValue>>;
  /** URL of the remote codec at which pages of the UI decode payloads; null for none. */
  readonly uiCodecEndpoint: string | null;
}

/** Fills in the defaults. */
export function settingsOf(chosen: {
  readonly dataDir: string | null;
  readonly namespace?: string | undefined;
  readonly dynamicConfig?: Readonly<Record<string, DynamicValue>> | undefined;
  readonly uiCodecEndpoint?: string | null | undefined;
}): TemporalSettings {
  return {
    dataDir: chosen.dataDir,
    namespace: chosen.namespace ?? 'default',
    dynamicConfig: chosen.dynamicConfig ?? {},
    uiCodecEndpoint: chosen.uiCodecEndpoint ?? null,
  };
}

/**
 * Tuning of the development server. It has one shard, and by default polls the shard's queues at most 20 times a second,
 * which delays every activity by up to 50 ms. Measured with a database file, an update with one no-op activity takes
 * 100 ms without these settings and the pragmas below, and 14 ms with them.
 */
export const DYNAMIC_CONFIG: Readonly<Record<string, DynamicValue>> = {
  'history.transferProcessorMaxPollRPS': 10_000,
  'history.timerProcessorMaxPollRPS': 10_000,
  'history.visibilityProcessorMaxPollRPS': 10_000,
  'system.enableActivityEagerExecution': true,
  // Fairness between users needs both.
  'matching.useNewMatcher': true,
  'matching.enableFairness': true,
  // The partitions of a task queue are fair each for itself, and one server gains nothing by more than one. The default is four;
  // what an older version has written to the others is still read.
  'matching.numTaskqueueWritePartitions': 1,
  // Allows many senders to one session; the default is 10 updates in flight.
  'history.maxInFlightUpdates': 1_000,
  // `start-dev` turns it on, and then reads the search attributes from the database several times for each message. Off, the
  // server caches them for a minute; those of the command line are there from the start.
  'system.forceSearchAttributesCacheRefreshOnRead': false,
  // Closes the HTTP API, which has a random port and no authentication: a web page whose name resolves to 127.0.0.1 (DNS
  // rebinding) could read every history. No request carries this name.
  'frontend.httpAllowedHosts': ['closed.invalid'],
};

/** The write-ahead log survives a killed process. With `normal`, a power failure can lose the last transactions. */
const SQLITE_PRAGMAS = { journal_mode: 'wal', synchronous: 'normal' } as const;

/**
 * The database file, relative to the data folder, which must be the working directory of the server: the CLI makes a URI
 * of the name, in which `#`, `?` and `%` of an absolute path have a meaning.
 */
const DATABASE_FILE = 'temporal.db';

/** An argument of every server on a data folder. It has no effect; it identifies the folder to {@link findTemporalServers}. */
export function dataFolderArgument(dataDir: string): string {
  return `perdure.dataFolder=${JSON.stringify(dataDir)}`;
}

/** The command line of a server on loopback, to be run in the data folder. `uiPort` null: no UI. */
export function temporalArguments(settings: TemporalSettings, port: number, uiPort: number | null): string[] {
  return [
    'server',
    'start-dev',
    '--ip',
    LOOPBACK,
    '--port',
    String(port),
    ...(uiPort === null ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...settingArguments(settings),
  ];
}

/** A hash of the settings, without ports, to recognise servers with the same ones. */
export function settingsFingerprint(settings: TemporalSettings): string {
  return createHash('sha256')
    .update(JSON.stringify(settingArguments(settings)))
    .digest('hex')
    .slice(0, 16);
}

function settingArguments(settings: TemporalSettings): string[] {
  const { dataDir, namespace, dynamicConfig, uiCodecEndpoint } = settings;
  const dynamic = Object.entries({ ...DYNAMIC_CONFIG, ...dynamicConfig });
  return [
    '--color',
    'never',
    '--namespace',
    namespace,
    ...(uiCodecEndpoint === null ? [] : ['--ui-codec-endpoint', uiCodecEndpoint]),
    ...(dataDir === null
      ? []
      : ['--db-filename', DATABASE_FILE, '--dynamic-config-value', dataFolderArgument(dataDir)]),
    ...Object.entries(dataDir === null ? {} : SQLITE_PRAGMAS).flatMap(([k, v]) => ['--sqlite-pragma', `${k}=${v}`]),
    ...dynamic.flatMap(([key, value]) => ['--dynamic-config-value', `${key}=${JSON.stringify(value)}`]),
    ...Object.values(SEARCH_ATTRIBUTE).flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
  ];
}
