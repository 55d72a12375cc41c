import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { SEARCH_ATTRIBUTE } from '../contracts/names.ts';
import { LOOPBACK } from './ports.ts';

/** A dynamic configuration value. Durations are strings such as `"1ms"`. */
export type DynamicValue = string | number | boolean;

/** The settings of a server, without its ports. */
export interface TemporalSettings {
  /** Folder of `temporal.db` and `temporal.log`; null keeps everything in memory. */
  readonly dataDir: string | null;
  readonly namespace: string;
  /** Overrides {@link DYNAMIC_CONFIG}. */
  readonly dynamicConfig: Readonly<Record<string, DynamicValue>>;
}

/** Fills in the defaults. */
export function settingsOf(chosen: {
  readonly dataDir: string | null;
  readonly namespace?: string | undefined;
  readonly dynamicConfig?: Readonly<Record<string, DynamicValue>> | undefined;
}): TemporalSettings {
  return {
    dataDir: chosen.dataDir,
    namespace: chosen.namespace ?? 'default',
    dynamicConfig: chosen.dynamicConfig ?? {},
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
  // Allows many senders to one session; the default is 10 updates in flight.
  'history.maxInFlightUpdates': 1_000,
};

/** The write-ahead log survives a killed process. With `normal`, a power failure can lose the last transactions. */
const SQLITE_PRAGMAS = { journal_mode: 'wal', synchronous: 'normal' } as const;

/** The database file of a data folder. */
export function databaseFile(dataDir: string): string {
  return join(dataDir, 'temporal.db');
}

/** The command line of a server on loopback. `uiPort` null: no UI. */
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
  const { dataDir, namespace, dynamicConfig } = settings;
  const dynamic = Object.entries({ ...DYNAMIC_CONFIG, ...dynamicConfig });
  return [
    '--color',
    'never',
    '--namespace',
    namespace,
    ...(dataDir === null ? [] : ['--db-filename', databaseFile(dataDir)]),
    ...Object.entries(dataDir === null ? {} : SQLITE_PRAGMAS).flatMap(([k, v]) => ['--sqlite-pragma', `${k}=${v}`]),
    ...dynamic.flatMap(([key, value]) => ['--dynamic-config-value', `${key}=${JSON.stringify(value)}`]),
    ...Object.values(SEARCH_ATTRIBUTE).flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
  ];
}
