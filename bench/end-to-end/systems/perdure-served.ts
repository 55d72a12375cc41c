import { provideTemporalBinary, startTemporalServer } from '../../../dev-server/index.ts';
import { anyPort } from '../../../dev-server/ports.ts';
import type { EndToEndSetting } from '../end-to-end-benchmark.ts';
import { processTree } from '../observe/processes.ts';
import { startDatabase } from './database.ts';
import { PERDURE, perdureEnv } from './perdure-env.ts';
import type { PerdureOptions, PerdureSystem } from './perdure-system.ts';
import { runProgram } from './run-program.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** `perdure worker` and `perdure gateway`, with PostgreSQL and a Temporal server that has the settings of the embedded mode. */
export async function startServedPerdure(
  setting: EndToEndSetting,
  { provider, env = {} }: PerdureOptions,
): Promise<PerdureSystem> {
  await using stack = new AsyncDisposableStack();
  const folder = temporaryFolder(stack);
  const { path: binary } = await provideTemporalBinary({ onProgress: (line) => console.error(line) });
  const temporal = await startTemporalServer({ binary, dataDir: folder });
  stack.defer(() => temporal.stop());
  const database = stack.use(await startDatabase(setting));
  const port = await anyPort();
  const settings = perdureEnv(provider, {
    PERDURE_PORT: String(port),
    PERDURE_METRICS_PORT: 'off',
    TEMPORAL_ADDRESS: temporal.address,
    DATABASE_URL: database.url,
    ...env,
  });
  const startWorker = () => runProgram([PERDURE, 'worker'], settings, folder, /^The worker is ready/m);
  let worker = await startWorker();
  stack.defer(() => worker.end('SIGTERM'));
  const gateway = await runProgram([PERDURE, 'gateway'], settings, folder, /^The gateway listens at/m);
  stack.defer(() => gateway.end('SIGTERM'));
  const started = stack.move();
  return {
    url: `http://127.0.0.1:${port}`,
    temporalAddress: temporal.address,
    processes: () => ({
      application: processTree(worker.pid),
      gateway: processTree(gateway.pid),
      Temporal: [temporal.pid],
      ...database.processes(),
    }),
    kill: () => worker.end('SIGKILL'),
    async start() {
      worker = await startWorker();
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
