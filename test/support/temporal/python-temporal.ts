import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../../../assets/package-files.ts';
import { findProgram } from '../../../dev-server/find-program.ts';

const run = promisify(execFile);

/** The version of Temporal's Python SDK that the documented program is run with. */
const TEMPORALIO = '1.35.0';

/** `path` is a Python that has the package `temporalio`. */
export type PythonTemporal = { readonly path: string } | { readonly unavailable: string };

/** Temporal's Python SDK in a virtual environment, made once and cached. A machine that cannot make one gets the reason. */
export async function pythonTemporal(): Promise<PythonTemporal> {
  const folder = join(cacheFolder(process.env), 'python-temporalio', TEMPORALIO);
  const path = join(folder, 'bin', 'python');
  if (await hasTemporal(path)) return { path };
  const python = findProgram('python3', process.env);
  if (python === null) return { unavailable: 'no Python ("python3") on the PATH' };
  try {
    await install(python, folder);
    return { path };
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    const reason = (stderr || message).trim().split('\n').at(-1);
    return { unavailable: `the Python package temporalio ${TEMPORALIO} could not be installed: ${reason}` };
  }
}

/** A virtual environment may not be moved, so its last file to appear is what makes it whole: {@link hasTemporal}. */
async function install(python: string, folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  if ((await stat(folder).catch(() => null)) !== null) {
    // Left half made by an earlier run; another process may be removing it too.
    const aside = await mkdtemp(`${folder}-`);
    await rename(folder, join(aside, 'old')).catch(() => {});
    await rm(aside, { recursive: true, force: true });
  }
  await run(python, ['-m', 'venv', folder], { timeout: 120_000 });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `temporalio==${TEMPORALIO}`];
  await run(join(folder, 'bin', 'python'), pip, { timeout: 240_000 });
}

async function hasTemporal(path: string): Promise<boolean> {
  return run(path, ['-c', 'import temporalio.client'], { timeout: 30_000 }).then(
    () => true,
    () => false,
  );
}
