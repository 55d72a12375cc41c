import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle } from '@temporalio/worker';
import sdk from '@temporalio/workflow/package.json' with { type: 'json' };
import { NO_STACKS, PAYLOAD_CONVERTER } from './tuning.ts';

/** Everything that goes into the bundle beside the SDK, and what makes it. */
const SOURCES = ['workflows', 'core', 'contracts', 'activities/shared/contract.ts', 'worker/workflow-bundle.ts'].map(
  (path) => file(`../${path}`),
);
const CACHE = file('../node_modules/.cache/perdure');

const bundled = new Map<string, Promise<WorkflowBundle>>();

export interface CodeOptions {
  /** Whether errors in workflows, and Temporal's view of where one waits, carry stacks. Default false: they are dear (docs/decisions/0013). */
  readonly stacks?: boolean | undefined;
}

/** The workflow code as a worker runs it: made once for the same sources, since it takes seconds, and kept on disk. */
export function workflowCode({ stacks = false }: CodeOptions = {}): Promise<WorkflowBundle> {
  const name = stacks ? 'workflows-with-stacks' : 'workflows';
  const bundle = bundled.get(name) ?? cachedBundle(name, stacks);
  bundled.set(name, bundle);
  return bundle;
}

async function cachedBundle(name: string, stacks: boolean): Promise<WorkflowBundle> {
  const path = join(CACHE, `${name}-${await sourceHash()}.js`);
  const kept = await readFile(path, 'utf8').catch(() => null);
  if (kept !== null) return { code: kept };
  const bundle = await bundleWorkflowCode({
    workflowsPath: file('../workflows/index.ts'),
    payloadConverterPath: PAYLOAD_CONVERTER,
    ...(stacks ? {} : { preloadModules: [NO_STACKS] }),
    workflowInterceptorModules: [file('../workflows/reserved-signals.ts'), file('../workflows/trace-carrier.ts')],
    logger: new DefaultLogger('WARN'),
  });
  // Where nothing can be kept, as on a read-only disk, the next start makes it again.
  await keep(path, bundle.code).catch(() => {});
  return bundle;
}

async function keep(path: string, code: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, code);
  await rename(draft, path);
}

async function sourceHash(): Promise<string> {
  const hash = createHash('sha256').update(sdk.version);
  for (const path of SOURCES) {
    const files = path.endsWith('.ts')
      ? [path]
      : (await readdir(path, { recursive: true })).toSorted().map((name) => join(path, name));
    for (const name of files.filter((one) => one.endsWith('.ts'))) hash.update(name).update(await readFile(name));
  }
  return hash.digest('hex').slice(0, 32);
}

function file(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
