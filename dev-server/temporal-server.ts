import type { ServerRecord } from './data-lock.ts';
import type { DynamicValue } from './temporal-settings.ts';

export interface TemporalServerOptions {
  /** Path of the Temporal CLI. */
  readonly binary: string;
  /** Folder of its database and log, which must exist and be locked by the caller; null keeps everything in memory. */
  readonly dataDir: string | null;
  /** Default: any free one. */
  readonly port?: number | undefined;
  /** Default null: no UI. */
  readonly uiPort?: number | null | undefined;
  /** Made when absent. Default `default`. */
  readonly namespace?: string | undefined;
  /** Over the settings that every server gets. */
  readonly dynamicConfig?: Readonly<Record<string, DynamicValue>> | undefined;
  /** A running server on the same folder, started with the same settings, to take over instead of starting one. */
  readonly adopt?: ServerRecord | undefined;
  /** Called synchronously; must not throw. */
  readonly onEvent?: ((event: TemporalServerEvent) => void) | undefined;
}

export type TemporalServerEvent =
  /** A process was started, at first or again; it is not ready yet. */
  | { readonly kind: 'spawned'; readonly server: ServerRecord }
  /** It ended, and not because we stopped it. */
  | { readonly kind: 'died'; readonly pid: number; readonly cause: string }
  /** It answers again, at the same address. */
  | { readonly kind: 'restarted'; readonly pid: number; readonly downMs: number }
  /** It died too often in too short a time and stays down. `reason` has the last lines of its log. */
  | { readonly kind: 'gave-up'; readonly reason: string };

/** A Temporal development server that is kept running. */
export interface TemporalServer {
  /** `host:port`. */
  readonly address: string;
  readonly uiUrl: string | null;
  /** Of the process that serves now; changes with a restart. */
  readonly pid: number;
  /** Times it was brought back. */
  readonly restarts: number;
  /** Ends it; resolves when its process is gone. */
  stop(): Promise<void>;
}
