import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { provideTemporalBinary } from '../dev-server/index.ts';
import { temporalVersionOf } from '../dev-server/temporal-version.ts';

/** The machine and the versions of a measurement, for people. */
export type Machine = Readonly<Record<string, string>>;

/** Describes the machine. Call it before the benchmarks, so that the load is that of other processes. */
export async function describeMachine(store: string): Promise<Machine> {
  const { path } = await provideTemporalBinary({ onProgress: (line) => console.error(line) });
  const { server = 'unknown' } = (await temporalVersionOf(path)) ?? {};
  return {
    cores: `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()}`,
    'load before': (loadavg()[0] ?? 0).toFixed(2),
    node: process.versions.node,
    temporal: `development server ${server} on a database file, with the embedded mode's settings`,
    store,
  };
}
