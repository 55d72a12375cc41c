import { expect, test } from 'vitest';
import { read, section, tableNames } from './documents.ts';

interface Package {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
}

const { dependencies, devDependencies, peerDependencies } = JSON.parse(read('package.json')) as Package;
const document = read('docs/dependencies.md');

test('docs/dependencies.md justifies every dependency, and none that is not there', () => {
  const atRunTime = tableNames(section(document, 'At run time'));
  const forDevelopment = tableNames(section(document, 'For development'));

  // What the application brings along is installed here for development, at one of the versions that fit.
  expect(atRunTime.toSorted()).toEqual(Object.keys({ ...dependencies, ...peerDependencies }).toSorted());
  expect([...forDevelopment, ...Object.keys(peerDependencies)].toSorted()).toEqual(
    Object.keys(devDependencies).toSorted(),
  );
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

test('the lock file names the packages of every platform, without which npm ci refuses it', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  const wanted = Object.values(packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies));
  const present = Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13));

  expect(wanted.length).toBeGreaterThan(10);
  expect(wanted.filter((name) => !present.includes(name))).toEqual([]);
});
