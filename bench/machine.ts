import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import type { World } from './world.ts';

/** The machine and the versions of a measurement, for people. */
export type Machine = Readonly<Record<string, string>>;

/** Describes the machine. Call it before the benchmarks, so that the load is that of other processes. */
export async function describeMachine({ client, db }: World): Promise<Machine> {
  const { serverVersion } = await client.workflowService.getSystemInfo({});
  const [store] = await db.query<{ server_version: string }>('SHOW server_version', []);
  return {
    cores: `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()}`,
    'load before': (loadavg()[0] ?? 0).toFixed(2),
    node: process.versions.node,
    temporal: `development server ${serverVersion} on a database file, with the embedded mode's settings`,
    store: `${db.kind === 'pglite' ? 'PGlite in a folder' : 'PostgreSQL'} ${store?.server_version ?? ''}`,
  };
}
