import { join } from 'node:path';
import { findTemporalServers } from '../../../dev-server/find-temporal-servers.ts';
import { endProcess, identityOf } from '../../../dev-server/process-identity.ts';
import { anyPort } from '../../../dev-server/ports.ts';
import { processTree } from '../observe/processes.ts';
import { PERDURE, perdureEnv } from './perdure-env.ts';
import type { PerdureSystem, PerdureOptions } from './perdure-system.ts';
import { runProgram } from './run-program.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** `perdure start` in a new data folder: one process with an embedded store, and a Temporal server. */
export async function startEmbeddedPerdure({ provider, env = {} }: PerdureOptions): Promise<PerdureSystem> {
  await using stack = new AsyncDisposableStack();
  const folder = temporaryFolder(stack);
  const dataDir = join(folder, 'data');
  const [port, temporalPort] = [await anyPort(), await anyPort()];
  const settings = perdureEnv(provider, {
    PERDURE_DATA: dataDir,
    PERDURE_PORT: String(port),
    PERDURE_TEMPORAL_PORT: String(temporalPort),
    ...env,
  });
  const start = () => runProgram([PERDURE, 'start'], settings, folder, /^Perdure is ready\./m);
  const servers = () => findTemporalServers(dataDir).map(({ pid }) => pid);
  stack.defer(async () => {
    for (const pid of servers()) await endProcess(identityOf(pid));
  });
  let program = await start();
  stack.defer(() => program.end('SIGTERM'));
  const started = stack.move();
  return {
    url: `http://127.0.0.1:${port}`,
    temporalAddress: `127.0.0.1:${temporalPort}`,
    processes: () => ({ application: processTree(program.pid, servers()), Temporal: servers() }),
    kill: () => program.end('SIGKILL'),
    async start() {
      program = await start();
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
