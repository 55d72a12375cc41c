import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { read, ROOT } from './documents.ts';

interface Bom {
  readonly bomFormat: string;
  readonly components: readonly {
    readonly 'bom-ref': string;
    readonly properties?: readonly { readonly name: string }[];
  }[];
}

test('one command prints the bill of materials, with the production dependencies marked as such', async () => {
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'sbom'], {
    cwd: ROOT,
    maxBuffer: 64 * 1024 * 1024,
    shell: process.platform === 'win32',
  });
  const { bomFormat, components } = JSON.parse(stdout) as Bom;
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
  expect(bomFormat).toBe('CycloneDX');
  const production = components
    .filter(({ properties = [] }) => !properties.some(({ name }) => name === 'cdx:npm:package:development'))
    .map((component) => component['bom-ref']);
  const used = Object.entries(dependencies ?? {}).map(([name, version]) => `${name}@${version}`);
  expect(used.filter((one) => !production.includes(one))).toEqual([]);
  expect(production.filter((one) => one.startsWith('vitest@'))).toEqual([]);
  expect(devDependencies).toHaveProperty('vitest');
}, 60_000);
