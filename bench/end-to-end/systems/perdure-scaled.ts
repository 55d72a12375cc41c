import { provideTemporalBinary, startTemporalServer } from '../../../dev-server/index.ts';
import { anyPort } from '../../../dev-server/ports.ts';
import { PERDURE, perdureEnv } from './perdure-env.ts';
import { runProgram } from './run-program.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface ScaledOptions {
  /** URL of the provider of models. */
  readonly provider: string;
  readonly databaseUrl: string;
  /** Null: without Redis. */
  readonly redisUrl: string | null;
  readonly workers: number;
  readonly gateways: number;
}

export interface ScaledPerdure extends AsyncDisposable {
  /** URLs of the gateways. */
  readonly urls: readonly string[];
}

/** Several `perdure worker` and `perdure gateway` on one PostgreSQL, with or without Redis. */
export async function startScaledPerdure(options: ScaledOptions): Promise<ScaledPerdure> {
  const { provider, databaseUrl, redisUrl, workers, gateways } = options;
  await using stack = new AsyncDisposableStack();
  const folder = temporaryFolder(stack);
  const { path: binary } = await provideTemporalBinary({ onProgress: (line) => console.error(line) });
  const temporal = await startTemporalServer({ binary, dataDir: folder });
  stack.defer(() => temporal.stop());
  const run = async (what: 'worker' | 'gateway', ready: RegExp, more: Record<string, string> = {}): Promise<void> => {
    const env = perdureEnv(provider, {
      PERDURE_METRICS_PORT: 'off',
      TEMPORAL_ADDRESS: temporal.address,
      DATABASE_URL: databaseUrl,
      ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }),
      ...more,
    });
    const program = await runProgram([PERDURE, what], env, folder, ready);
    stack.defer(() => program.end('SIGTERM'));
  };
  for (let worker = 0; worker < workers; worker += 1) await run('worker', /^The worker is ready/m);
  const urls: string[] = [];
  for (let gateway = 0; gateway < gateways; gateway += 1) {
    const port = await anyPort();
    await run('gateway', /^The gateway listens at/m, { PERDURE_PORT: String(port) });
    urls.push(`http://127.0.0.1:${port}`);
  }
  const started = stack.move();
  return { urls, [Symbol.asyncDispose]: () => started.disposeAsync() };
}
