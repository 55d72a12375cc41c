import { builtinModules } from 'node:module';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { workflowCode, type CodeOptions } from '../../worker/workflow-bundle.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** The size of the bundle without its source map, and its modules; Perdure's as paths from the root. */
async function bundle(options: CodeOptions = {}): Promise<{ bytes: number; modules: string[] }> {
  const { code } = await workflowCode(options);
  const [, map] = /\/\/# sourceMappingURL=data:application\/json;[^,]*,([A-Za-z0-9+/=]+)/.exec(code) ?? [];
  if (!map) throw new Error('The bundle has no source map, so its modules are unknown.');
  const { sources } = JSON.parse(Buffer.from(map, 'base64').toString()) as { sources: string[] };
  const modules = sources.map((path) => (path.startsWith(ROOT) ? relative(ROOT, path) : path));
  return { bytes: Buffer.byteLength(code) - map.length, modules };
}

test('workflow code imports nothing but contracts, core and the SDK', async () => {
  const { modules } = await bundle();
  expect(modules).toContain('workflows/agent-session.ts');
  const ours = modules.filter((name) => name.endsWith('.ts') && !name.startsWith('node_modules/'));
  expect(ours.filter((name) => !/^(contracts|core|workflows)\//.test(name))).toEqual([]);
  expect(modules.filter((name) => /node_modules\/(zod|openai|pg|undici|hono|@electric-sql|pino)\//.test(name))).toEqual(
    [],
  );
});

test('of contracts only what needs no zod is bundled', async () => {
  const { modules } = await bundle();
  expect(modules.filter((name) => name.startsWith('contracts/')).toSorted()).toEqual([
    'contracts/codec/encrypted-payload.ts',
    'contracts/errors.ts',
    'contracts/limits/request-limits.ts',
    'contracts/names.ts',
    'contracts/session/fairness-key.ts',
    'contracts/session/session-key.ts',
    'contracts/undecodable.ts',
  ]);
});

test('workflow code imports none of Node’s own modules', async () => {
  const { modules } = await bundle();
  const names = new Set(builtinModules);
  const imported = modules.filter((name) => name.startsWith('external') || name.startsWith('node:') || names.has(name));
  // The SDK itself imports these, and its bundler allows them.
  expect(imported.filter((name) => !/assert|url|crypto/.test(name))).toEqual([]);
});

test('the bundle stays within its budget', async () => {
  const { bytes } = await bundle();
  console.log(`workflow bundle without its source map: ${bytes} bytes`);
  // 15 % above the measured size when the budget was set.
  expect(bytes).toBeLessThan(706_000);
});

test('workflows have no stack traces, unless their worker is set to', async () => {
  const module = 'workflows/no-stacks.ts';
  expect((await bundle()).modules.filter((name) => name.endsWith(module))).toHaveLength(1);
  expect((await bundle({ stacks: true })).modules.filter((name) => name.endsWith(module))).toHaveLength(0);
}, 60_000);
