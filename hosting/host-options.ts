import type { PayloadCodec } from '@temporalio/common';
import type { Agent } from '../agents/define-agent.ts';
import type { Deployment } from '../contracts/deployment.ts';
import type { LogOptions } from '../telemetry/log.ts';

/** The options that a worker and a gateway share. Pass the same to both of a deployment. */
export interface HostOptions {
  /** URL of a PostgreSQL database, `postgres://user:password@host:5432/database`. */
  readonly databaseUrl?: string | undefined;
  /**
   * URL of a Redis, `redis://user:password@host:6379` or `rediss://…`, for live messages and copies of what is in use. Default: none.
   * Has no effect on an embedded store.
   */
  readonly redisUrl?: string | undefined;
  /**
   * Folder of an embedded store, as an alternative to PostgreSQL; created if missing. Only one process can use it. A worker
   * and a gateway in that process share its store.
   */
  readonly dataDir?: string | undefined;
  /**
   * True: a store in memory, for tests and demos, as an alternative to both; everything is lost when it is closed. A worker and a gateway
   * in one process share it. Contents of attachments are in it too, whatever `deployment` says.
   */
  readonly inMemory?: boolean | undefined;
  /** Folder for archived sessions. Default: archives are stored in the database. */
  readonly archivesDir?: string | undefined;
  /** Agents created by `defineAgent`, or the path of a folder of templates and modules. */
  readonly agents: readonly Agent[] | string;
  /** The settings of a deployment file: policy, providers, prices, budgets, limits, maintenance. Default: none. */
  readonly deployment?: Deployment | undefined;
  /** Codecs of all payloads in Temporal, such as `encryptionCodec` of `perdure/worker`. Default: none. */
  readonly payloadCodecs?: readonly PayloadCodec[] | undefined;
  /** The log, written to standard error. The first worker or gateway of a process determines it. Default: level `warn`, format `plain`. */
  readonly log?: Pick<LogOptions, 'level' | 'format'> | undefined;
}
