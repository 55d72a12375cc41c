import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from '../../dev-server/find-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** An isolated environment: a PATH with only `tar`, `sleep` and the installed scripts, and an empty cache. */
export interface StubMachine {
  readonly env: Record<string, string>;
  readonly cache: string;
  /** Installs a shell script on the PATH, or in `folder`. `$CALLS` in it is the path of a file for {@link calls}. */
  install(name: string, script: string, folder?: string): Promise<string>;
  /** The lines that scripts have appended to that file. */
  calls(): Promise<string[]>;
}

export async function stubMachine(): Promise<StubMachine> {
  const root = await temporaryFolder();
  const [bin, cache, calls] = [join(root, 'bin'), join(root, 'cache'), join(root, 'calls')];
  await mkdir(bin);
  for (const name of ['tar', 'gzip', 'cp', 'chmod', 'sleep']) {
    const path = findProgram(name, process.env);
    if (path !== null) await symlink(path, join(bin, name));
  }
  return {
    env: { PATH: bin, PERDURE_CACHE: cache, PERDURE_TEMPORAL_DOWNLOAD: 'off', CALLS: calls },
    cache,
    async install(name, script, folder = bin) {
      const path = join(folder, name);
      await writeFile(path, `#!/bin/sh\n${script.replaceAll('$CALLS', calls)}\n`);
      await chmod(path, 0o755);
      return path;
    },
    async calls() {
      const text = await readFile(calls, 'utf8').catch(() => '');
      return text.split('\n').filter((line) => line !== '');
    },
  };
}

/** A script with the `--version` of a Temporal CLI. */
export function temporalScript(server = '1.29.1', cli = '1.5.1'): string {
  return `echo "temporal version ${cli} (Server ${server}, UI 2.42.1)"`;
}

/** A script that runs `before`, then "builds" a Temporal CLI at the path given by `-o`. */
export function goScript(before = ''): string {
  return [
    'echo go >> "$CALLS"',
    before,
    'while [ "$1" != "-o" ]; do shift; done',
    `printf '#!/bin/sh\\necho "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)"\\n' > "$2"`,
    'chmod +x "$2"',
  ].join('\n');
}
