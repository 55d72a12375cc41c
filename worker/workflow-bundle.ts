import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle } from '@temporalio/worker';
import sdk from '@temporalio/workflow/package.json' with { type: 'json' };
import { writeCacheFile } from '../assets/write-cache-file.ts';
import { assetPath, cacheFolder, IS_BUILT, modulePath, PACKAGE_ROOT } from '../assets/package-files.ts';
import { FAILURE_CONVERTER, NO_STACKS, PAYLOAD_CONVERTER } from './tuning.ts';

/** The sources of the bundle besides the SDK, and of the bundler itself. Their hash identifies a cached bundle. */
const SOURCES = [
  ...['workflows', 'core', 'contracts'].map(assetPath),
  ...['activities/shared/contract', 'worker/workflow-bundle'].map(modulePath),
];

/** The bundle in the built package. */
const BUILT_BUNDLE = assetPath('workflow-bundle.js');

const bundled = new Map<string, Promise<WorkflowBundle>>();

export interface CodeOptions {
  /** Whether errors in workflows, and Temporal's stack trace query, have stacks. Default false: they are expensive (docs/decisions/0013). */
  readonly stacks?: boolean | undefined;
  /** Whether workflows write the messages of failures into payloads, which a codec encrypts. Default false. */
  readonly encodesFailures?: boolean | undefined;
}

/** Read by `workflows/converters/failure-converter.ts`. On the first line, so that it moves no line of the source map. */
const ENCODES_FAILURES = 'globalThis.perdureEncodesFailures = true; ';

/**
 * Returns the workflow bundle. The built package contains one without stacks. Other bundles are built in seconds and
 * cached by the hash of their sources.
 */
export async function workflowCode(options: CodeOptions = {}): Promise<WorkflowBundle> {
  const { stacks = false, encodesFailures = false } = options;
  const { code } = await bundleOf(stacks);
  return { code: encodesFailures ? ENCODES_FAILURES + code : code };
}

function bundleOf(stacks: boolean): Promise<WorkflowBundle> {
  const name = stacks ? 'workflows-with-stacks' : 'workflows';
  const bundle = bundled.get(name) ?? (IS_BUILT && !stacks ? builtBundle() : cachedBundle(name, stacks));
  bundled.set(name, bundle);
  return bundle;
}

/** Bundles the workflow code. The bundle contains no absolute paths. */
export async function bundleWorkflows({ stacks = false }: CodeOptions = {}): Promise<{ readonly code: string }> {
  // Both have a meaning in the requests of webpack, which cannot be escaped.
  if (/[?!]/.test(PACKAGE_ROOT)) {
    throw new Error(
      `The workflow code in ${PACKAGE_ROOT} cannot be bundled, because the path contains "?" or "!". Move Perdure to a folder without them.`,
    );
  }
  const { code } = await bundleWorkflowCode({
    workflowsPath: modulePath('workflows/index'),
    payloadConverterPath: PAYLOAD_CONVERTER,
    failureConverterPath: FAILURE_CONVERTER,
    ...(stacks ? {} : { preloadModules: [NO_STACKS] }),
    workflowInterceptorModules: [modulePath('workflows/reserved-signals'), modulePath('workflows/trace-carrier')],
    logger: new DefaultLogger('WARN'),
    webpackConfigHook: (config) => ({
      ...config,
      context: PACKAGE_ROOT,
      output: { ...config.output, pathinfo: false },
    }),
  });
  return { code: withRelativeSources(code) };
}

/** Makes the source paths in the inline source map relative to the package's root. The SDK requires that map. */
function withRelativeSources(code: string): string {
  const marker = '//# sourceMappingURL=data:application/json;charset=utf-8;base64,';
  const at = code.lastIndexOf(marker);
  if (at === -1) throw new Error('The workflow bundle has no source map.');
  const text = Buffer.from(code.slice(at + marker.length), 'base64').toString();
  const map = JSON.parse(text.replaceAll(JSON.stringify(join(PACKAGE_ROOT, '/')).slice(1, -1), '')) as object;
  const encoded = Buffer.from(JSON.stringify({ ...map, file: 'workflow-bundle.js' })).toString('base64');
  return `${code.slice(0, at)}${marker}${encoded}`;
}

async function builtBundle(): Promise<WorkflowBundle> {
  return { code: await readFile(BUILT_BUNDLE, 'utf8') };
}

async function cachedBundle(name: string, stacks: boolean): Promise<WorkflowBundle> {
  const path = join(cacheFolder(), `${name}-${await sourceHash()}.js`);
  const cached = await readFile(path, 'utf8').catch(() => null);
  if (cached !== null) return { code: cached };
  const bundle = await bundleWorkflows({ stacks });
  await writeCacheFile(path, bundle.code);
  return bundle;
}

async function sourceHash(): Promise<string> {
  const hash = createHash('sha256').update(sdk.version);
  for (const path of SOURCES) {
    const files = isModule(path)
      ? [path]
      : (await readdir(path, { recursive: true })).toSorted().map((name) => join(path, name));
    for (const name of files.filter(isModule)) hash.update(relative(PACKAGE_ROOT, name)).update(await readFile(name));
  }
  return hash.digest('hex').slice(0, 32);
}

function isModule(path: string): boolean {
  return /\.(ts|js)$/.test(path) && !path.endsWith('.d.ts');
}
