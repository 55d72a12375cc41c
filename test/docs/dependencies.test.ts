import { expect, test } from 'vitest';
import { read, section, tableNames } from './documents.ts';

interface Package {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Package;
const document = read('docs/dependencies.md');

test('docs/dependencies.md justifies every dependency, and none that is not there', () => {
  const atRunTime = tableNames(section(document, 'At run time'));
  const forDevelopment = tableNames(section(document, 'For development'));

  expect(atRunTime.toSorted()).toEqual(Object.keys(dependencies).toSorted());
  expect(forDevelopment.toSorted()).toEqual(Object.keys(devDependencies).toSorted());
});

test('every version is exact', () => {
  const versions = Object.values({ ...dependencies, ...devDependencies });

  expect(versions.filter((version) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))).toEqual([]);
});

test('all packages of Temporal have one version', () => {
  const all = Object.entries({ ...dependencies, ...devDependencies });
  const versions = all.filter(([name]) => name.startsWith('@temporalio/')).map(([, version]) => version);

  expect(new Set(versions).size).toBe(1);
});
