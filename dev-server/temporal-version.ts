import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The Temporal CLI that is fetched or built: the newest that builds from the Go module proxy. Keep `temporal-build/go.mod` at the same version. */
export const TEMPORAL_CLI_VERSION = '1.5.1';

/** The oldest server that has every setting we start it with, fairness among them. */
export const MIN_SERVER_VERSION = '1.29';

/** What `temporal --version` says. */
export interface TemporalVersion {
  readonly cli: string;
  readonly server: string;
}

/** Asks a program for its version; null when it does not run or is no Temporal CLI. */
export async function temporalVersionOf(binary: string): Promise<TemporalVersion | null> {
  try {
    const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: 20_000 });
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
