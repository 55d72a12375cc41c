import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { baseEnv } from './child-env.ts';

/** The Temporal CLI that is downloaded or built: the newest version that builds from the Go module proxy. `temporal-build/go.mod` must name the same version. */
export const TEMPORAL_CLI_VERSION = '1.5.1';

/** Its entry in the cache. The last number rises when modules in `temporal-build/go.mod` change. */
export const TEMPORAL_CACHE_ENTRY = `${TEMPORAL_CLI_VERSION}-2`;

/** The oldest server with every setting that is used, fairness included. */
export const MIN_SERVER_VERSION = '1.29';

/** The output of `temporal --version`. */
export interface TemporalVersion {
  readonly cli: string;
  readonly server: string;
}

/** Runs `--version`. Null when the program does not run or is not a Temporal CLI. */
export async function temporalVersionOf(binary: string): Promise<TemporalVersion | null> {
  try {
    const { stdout } = await promisify(execFile)(binary, ['--version'], {
      timeout: 20_000,
      env: baseEnv(process.env),
    });
    const match = /temporal version (\S+) \(Server (\d+\.\d+[^\s,)]*)/.exec(stdout);
    return match?.[1] && match[2] ? { cli: match[1], server: match[2] } : null;
  } catch {
    return null;
  }
}

export function isNewEnough(version: TemporalVersion): boolean {
  const [major = 0, minor = 0] = version.server.split('.').map((part) => Number.parseInt(part, 10));
  const [minMajor = 0, minMinor = 0] = MIN_SERVER_VERSION.split('.').map(Number);
  return major > minMajor || (major === minMajor && minor >= minMinor);
}
