import { spawn } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { assetPath } from '../assets/package-files.ts';
import { goEnv } from './child-env.ts';
import { describeBuild } from './describe-build.ts';
import { TEMPORAL_CLI_VERSION } from './temporal-version.ts';
import type { EnvVars } from './find-program.ts';

/** `go.mod` and `go.sum`, which pin every module of the program by its checksum. */
const MODULE_FILES = assetPath('dev-server/temporal-build');
const PACKAGE = 'github.com/temporalio/cli/cmd/temporal';
/** Shorter than the pause after which `cli/services/progress-reporter.ts` prints a line of its own. */
const PROGRESS_EVERY_MS = 2_000;
const MAX_ERROR_LINES = 15;

/**
 * Builds the Temporal CLI in `folder` with a Go toolchain and returns the path of the program. Takes two to five
 * minutes on two cores, and seconds when Go's build cache has it. Rejects with the last lines of the compiler's output.
 */
export async function buildTemporal(
  go: string,
  folder: string,
  env: EnvVars,
  onProgress: (line: string) => void,
): Promise<string> {
  for (const file of ['go.mod', 'go.sum']) await copyFile(join(MODULE_FILES, file), join(folder, file));
  const program = join(folder, process.platform === 'win32' ? 'temporal.exe' : 'temporal');
  const counts = { modules: 0, packages: 0 };
  const startedAt = performance.now();
  const progress = setInterval(
    () => onProgress(describeBuild(counts, performance.now() - startedAt)),
    PROGRESS_EVERY_MS,
  );
  try {
    await runGo(go, folder, env, buildArguments(program), (line) => {
      if (line.startsWith('go: downloading')) counts.modules++;
      else if (/^[\w./~-]+$/.test(line)) counts.packages++;
      else return false;
      return true;
    });
  } finally {
    clearInterval(progress);
  }
  return program;
}

function buildArguments(program: string): string[] {
  const flags = `-s -w -X github.com/temporalio/cli/temporalcli.Version=${TEMPORAL_CLI_VERSION}`;
  return ['build', '-v', '-mod=readonly', '-trimpath', `-ldflags=${flags}`, '-o', program, PACKAGE];
}

async function runGo(
  go: string,
  folder: string,
  env: EnvVars,
  args: readonly string[],
  isProgress: (line: string) => boolean,
): Promise<void> {
  // Needs no C compiler, and must ignore a Go workspace around the cache.
  const child = spawn(go, args, {
    cwd: folder,
    env: { ...goEnv(env), CGO_ENABLED: '0', GOWORK: 'off' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const last: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (isProgress(line)) return;
    last.push(line);
    if (last.length > MAX_ERROR_LINES) last.shift();
  });
  const stop = (): void => void child.kill();
  process.once('exit', stop);
  try {
    const code = await new Promise<number | null>((resolve, reject) =>
      child.once('error', reject).once('close', resolve),
    );
    if (code === null) throw new Error('was killed');
    if (code !== 0) throw new Error([`failed (exit code ${code})`, ...last.map((line) => `    ${line}`)].join('\n'));
  } finally {
    process.off('exit', stop);
  }
}
