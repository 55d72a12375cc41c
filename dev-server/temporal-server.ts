import type { ServerRecord } from './data-lock.ts';
import type { DynamicValue } from './temporal-settings.ts';

export interface TemporalServerOptions {
  /** Path of the Temporal CLI. */
  readonly binary: string;
  /** Folder of its database and log. It must exist and be locked by the caller. Null keeps everything in memory. */
  readonly dataDir: string | null;
  /** Default: any free port. */
  readonly port?: number | undefined;
  /** Default null: no UI. */
  readonly uiPort?: number | null | undefined;
  /** Created when missing. Default `default`. */
  readonly namespace?: string | undefined;
  /** Overrides `DYNAMIC_CONFIG`. */
  readonly dynamicConfig?: Readonly<Record<string, DynamicValue>> | undefined;
  /** URL of the remote codec at which pages of the UI decode payloads. Default null: none. */
  readonly uiCodecEndpoint?: string | null | undefined;
  /** A running server on the same folder with the same settings, to adopt instead of starting one. */
  readonly adopt?: ServerRecord | undefined;
  /** For tests: whether the database fails at every statement, and how often that is asked, in ms. Default: `isDatabaseInterrupted`, every 3 s. */
  readonly isInterrupted?: (address: string, namespace: string, timeoutMs: number) => Promise<boolean>;
  readonly lookMs?: number;
  /** Called synchronously; must not throw. */
  readonly onEvent?: ((event: TemporalServerEvent) => void) | undefined;
}

export type TemporalServerEvent =
  /** A process was started or restarted; it is not ready yet. */
  | { readonly kind: 'spawned'; readonly server: ServerRecord }
  /** It ended without `stop`. */
  | { readonly kind: 'died'; readonly pid: number; readonly cause: string }
  /** It is ready again, at the same address. */
  | { readonly kind: 'restarted'; readonly pid: number; readonly downMs: number }
  /** It died too often and is not restarted. `reason` includes the last lines of its log. */
  | { readonly kind: 'gave-up'; readonly reason: string };

/** A supervised Temporal development server. */
export interface TemporalServer {
  /** `host:port`. */
  readonly address: string;
  readonly uiUrl: string | null;
  /** Pid of the current process; changes with a restart. */
  readonly pid: number;
  /** How often it was restarted. */
  readonly restarts: number;
  /** Ends it; resolves when its process has ended. */
  stop(): Promise<void>;
}
