import type { Agent } from '../agents/define-agent.ts';
import type { Deployment } from '../contracts/deployment.ts';
import type { LogLevel } from '../telemetry/log.ts';

/** What a worker and a gateway have in common. Give both of a deployment the same. */
export interface HostOptions {
  /** PostgreSQL, `postgres://user:password@host:5432/database`. */
  readonly databaseUrl?: string | undefined;
  /**
   * Folder of an embedded store instead of PostgreSQL, made when absent. One process owns it; a worker and a gateway in
   * that process that name the same folder share its store.
   */
  readonly dataDir?: string | undefined;
  /** Folder for archives. Default: they are kept in the store. */
  readonly archivesDir?: string | undefined;
  /** Agents made by `defineAgent`, or the path of a folder of templates and modules. */
  readonly agents: readonly Agent[] | string;
  /** What the deployment file would set: policy, providers, prices, budgets, limits, maintenance. Default: nothing. */
  readonly deployment?: Deployment | undefined;
  /** Log lines go to standard error. The first worker or gateway of a process decides. Default `warn`, as lines for people. */
  readonly log?: { readonly level?: LogLevel; readonly format?: 'json' | 'plain' } | undefined;
}
