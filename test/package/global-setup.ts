import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ROOT } from '../docs/documents.ts';
import { temporalBinary } from '../support/temporal/temporal-server.ts';

/** Builds and packs every package, as `npm run packages` does. Vitest calls it only when a test of this project runs. */
export async function setup(): Promise<void> {
  const run = promisify(execFile);
  for (const script of ['packages/build.ts', 'packages/pack.ts']) {
    const { stdout } = await run(process.execPath, [script], { cwd: ROOT });
    process.stdout.write(stdout);
  }
  // The installed package then finds it in the cache.
  await temporalBinary();
}
