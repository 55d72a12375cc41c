import { join } from 'node:path';
import type { FloorJobs } from '../compared/floor-server.ts';
import type { LoopJobs } from '../compared/loop-server.ts';
import type { EndToEndSetting } from '../end-to-end-benchmark.ts';
import { startJobs } from '../jobs-process.ts';
import { processTree } from '../observe/processes.ts';
import { startDatabase } from './database.ts';
import type { System } from './system.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A bare Temporal workflow behind HTTP: the least durable turn. It makes no model call and stores no message. */
export async function startFloorSystem(): Promise<System> {
  await using stack = new AsyncDisposableStack();
  const dataDir = temporaryFolder(stack);
  const server = startJobs<FloorJobs>(new URL('../compared/floor-server.ts', import.meta.url));
  stack.defer(() => server.stop());
  const { url, temporal } = await server.run('listen', { dataDir });
  const started = stack.move();
  return {
    url,
    processes: () => ({ application: processTree(server.pid, [temporal]), Temporal: [temporal] }),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** A hand-written loop on the store of the setting, without durability. */
export async function startLoopSystem(setting: EndToEndSetting, provider: string): Promise<System> {
  await using stack = new AsyncDisposableStack();
  const dataDir = join(temporaryFolder(stack), 'store');
  const database = setting.topology === 'postgres' ? stack.use(await startDatabase(setting)) : undefined;
  const server = startJobs<LoopJobs>(new URL('../compared/loop-server.ts', import.meta.url));
  stack.defer(() => server.stop());
  const store = database ? { databaseUrl: database.url } : { dataDir };
  const url = await server.run('listen', { provider, store });
  const started = stack.move();
  return {
    url,
    processes: () => ({ application: processTree(server.pid), ...database?.processes() }),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
