import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../../../assets/package-files.ts';
import { findProgram } from '../../../dev-server/find-program.ts';

const run = promisify(execFile);

/** A package of PyPI at one version. */
export interface PythonPackage {
  readonly name: string;
  readonly version: string;
  /** A module of it, to see whether it is installed. */
  readonly module: string;
}

/** `path`: a Python interpreter with the package, in the folder of the package's programs. `unavailable`: why there is none. */
export type PythonWithPackage = { readonly path: string } | { readonly unavailable: string };

/** Temporal's Python SDK, with which the documented program is tested. */
export const TEMPORALIO: PythonPackage = { name: 'temporalio', version: '1.35.0', module: 'temporalio.client' };

/** Tests an HTTP interface against its OpenAPI document with generated requests. */
export const SCHEMATHESIS: PythonPackage = { name: 'schemathesis', version: '4.32.5', module: 'schemathesis' };

/** Validates manifests by the schemas of Kubernetes, which it contains. */
export const KUBERNETES_VALIDATE: PythonPackage = {
  name: 'kubernetes-validate',
  version: '1.37.0',
  module: 'kubernetes_validate',
};

/** Installs a package in a virtual environment, once per machine. Returns the reason if that fails. */
export async function pythonWithPackage(wanted: PythonPackage): Promise<PythonWithPackage> {
  const folder = join(cacheFolder(process.env), `python-${wanted.name}`, wanted.version);
  const path = join(folder, 'bin', 'python');
  if (await imports(path, wanted)) return { path };
  const python = findProgram('python3', process.env);
  if (python === null) return { unavailable: 'no Python ("python3") on the PATH' };
  try {
    await install(python, folder, wanted);
    return { path };
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    const reason = (stderr || message).trim().split('\n').at(-1);
    return { unavailable: `the Python package ${wanted.name} ${wanted.version} could not be installed: ${reason}` };
  }
}

/** A virtual environment cannot be moved after it was created. {@link imports} detects one that is incomplete. */
async function install(python: string, folder: string, { name, version }: PythonPackage): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  if ((await stat(folder).catch(() => null)) !== null) {
    // An incomplete one of an earlier run. Another process may be removing it too.
    const aside = await mkdtemp(`${folder}-`);
    await rename(folder, join(aside, 'old')).catch(() => {});
    await rm(aside, { recursive: true, force: true });
  }
  await run(python, ['-m', 'venv', folder], { timeout: 120_000 });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `${name}==${version}`];
  await run(join(folder, 'bin', 'python'), pip, { timeout: 240_000 });
}

async function imports(path: string, { module }: PythonPackage): Promise<boolean> {
  return run(path, ['-c', `import ${module}`], { timeout: 30_000 }).then(
    () => true,
    () => false,
  );
}
