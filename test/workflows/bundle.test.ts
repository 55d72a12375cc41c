import { builtinModules } from 'node:module';
import { expect, test } from 'vitest';
import { workflowCode, type CodeOptions } from '../../src/worker/workflow-bundle.ts';

/** The bundle without its source map, and the modules that are in it. */
async function bundle(options: CodeOptions = {}): Promise<{ bytes: number; modules: string[] }> {
  const { code } = await workflowCode(options);
  const [, map] = /\/\/# sourceMappingURL=data:application\/json;[^,]*,([A-Za-z0-9+/=]+)/.exec(code) ?? [];
  if (!map) throw new Error('The bundle has no source map, by which its modules are known.');
  const { sources } = JSON.parse(Buffer.from(map, 'base64').toString()) as { sources: string[] };
  return { bytes: Buffer.byteLength(code) - map.length, modules: sources };
}

test('workflow code imports no zod, no store, no model, no client and no activity code', async () => {
  const { modules } = await bundle();
  expect(modules.some((name) => name.endsWith('workflows/agent-session.ts'))).toBe(true);
  const foreign =
    /node_modules\/(zod|openai|pg|undici|hono|@electric-sql|pino)\/|\/src\/(store|models|live|agents|client|gateway|cli|worker|telemetry|embedded)\//;
  expect(modules.filter((name) => foreign.test(name))).toEqual([]);
  // Of the activities their types are known, and types leave no code.
  expect(modules.filter((name) => /\/src\/activities\//.test(name))).toEqual([]);
});

test('of contracts only what needs no zod is bundled', async () => {
  const { modules } = await bundle();
  const contracts = modules.flatMap((name) => /\/src\/contracts\/(.*)$/.exec(name)?.[1] ?? []);
  expect(contracts.toSorted()).toEqual(['errors.ts', 'limits.ts', 'names.ts', 'session-key.ts', 'undecodable.ts']);
});

test('workflow code imports none of Node’s own modules', async () => {
  const { modules } = await bundle();
  const names = new Set(builtinModules);
  const imported = modules.filter((name) => name.startsWith('external') || name.startsWith('node:') || names.has(name));
  // What the SDK itself brings, which its bundler lets pass.
  expect(imported.filter((name) => !/assert|url|crypto/.test(name))).toEqual([]);
});

test('the bundle stays within its budget', async () => {
  const { bytes } = await bundle();
  console.log(`workflow bundle without its source map: ${bytes} bytes`);
  // 15 % above what was measured when this was written.
  expect(bytes).toBeLessThan(706_000);
});

test('workflows make no stacks, unless their worker is told to', async () => {
  const module = 'src/workflows/no-stacks.ts';
  expect((await bundle()).modules.filter((name) => name.endsWith(module))).toHaveLength(1);
  expect((await bundle({ stacks: true })).modules.filter((name) => name.endsWith(module))).toHaveLength(0);
}, 60_000);
