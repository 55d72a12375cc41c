import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { SEARCH_ATTRIBUTE } from '../contracts/names.ts';
import { LOOPBACK } from './ports.ts';

/** A dynamic configuration value as the server takes it; durations are text such as `"1ms"`. */
export type DynamicValue = string | number | boolean;

/** What a server is started with, apart from its ports. */
export interface TemporalSettings {
  /** Folder of `temporal.db` and `temporal.log`; null keeps everything in memory. */
  readonly dataDir: string | null;
  readonly namespace: string;
  /** Over {@link DYNAMIC_CONFIG}. */
  readonly dynamicConfig: Readonly<Record<string, DynamicValue>>;
}

/** The settings that these choices come to. */
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
 * How the development server is tuned. It has one shard, whose queues it polls at most 20 times a second
 * unless told otherwise: that alone puts every activity on a 50 ms grid. Measured, one update with one
 * no-op activity and a database file: 100 ms without these and the pragmas below, 14 ms with them.
 */
export const DYNAMIC_CONFIG: Readonly<Record<string, DynamicValue>> = {
  'history.transferProcessorMaxPollRPS': 10_000,
  'history.timerProcessorMaxPollRPS': 10_000,
  'history.visibilityProcessorMaxPollRPS': 10_000,
  'system.enableActivityEagerExecution': true,
  // Both are needed for fairness between users.
  'matching.useNewMatcher': true,
  'matching.enableFairness': true,
  // Many senders to one session: 10 updates in flight is the default.
  'history.maxInFlightUpdates': 1_000,
};

/** A write-ahead log survives a killed process; what `normal` can lose is the last moment before a power cut. */
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

/** Tells servers started with other settings apart; ports do not count. */
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
