import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../../../assets/package-files.ts';
import { findProgram } from '../../../dev-server/find-program.ts';

const run = promisify(execFile);

/** The version of Temporal's Python SDK with which the documented program is tested. */
const TEMPORALIO = '1.35.0';

/** `path`: a Python interpreter with the package `temporalio`. `unavailable`: why there is none. */
export type PythonTemporal = { readonly path: string } | { readonly unavailable: string };

/** Installs Temporal's Python SDK in a virtual environment, once per machine. Returns the reason if that fails. */
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

/** A virtual environment cannot be moved after it was created. {@link hasTemporal} detects one that is incomplete. */
async function install(python: string, folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  if ((await stat(folder).catch(() => null)) !== null) {
    // An incomplete one of an earlier run. Another process may be removing it too.
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
