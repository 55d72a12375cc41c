import { startPostgres } from '../../../test/support/store/postgres-server.ts';
import type { EndToEndSetting } from '../end-to-end-benchmark.ts';
import { processTree } from '../observe/processes.ts';
import type { ProcessGroups } from './system.ts';

/** A PostgreSQL server that keeps what it has acknowledged. */
export interface Database extends AsyncDisposable {
  readonly url: string;
  /** Nothing for an existing server, whose processes may be on another machine. */
  processes(): ProcessGroups;
}

/** Starts a server with `fsync` on, or uses the one of the setting. */
export async function startDatabase({ databaseUrl }: EndToEndSetting): Promise<Database> {
  if (databaseUrl) return { url: databaseUrl, processes: () => ({}), async [Symbol.asyncDispose]() {} };
  const server = await startPostgres({ durable: true });
  const { pid } = server;
  return {
    url: server.url,
    processes: () => (pid === undefined ? {} : { PostgreSQL: processTree(pid) }),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
