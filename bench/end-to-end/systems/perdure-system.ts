import type { System } from './system.ts';

export interface PerdureOptions {
  /** Base URL of the provider of models. */
  readonly provider: string;
  /** More settings. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Perdure, run as a user runs it. */
export interface PerdureSystem extends System {
  /** `host:port`. */
  readonly temporalAddress: string;
  /** Kills the process that serves sessions with SIGKILL; resolves when it has ended. Its Temporal server goes on. */
  kill(): Promise<void>;
  /** Starts it again; resolves when it is ready. */
  start(): Promise<void>;
}
