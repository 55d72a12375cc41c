import { defineConfig } from 'vitest/config';

/** Tests that need a Temporal server that is really running. */
const SERVER_TESTS = ['test/server/**/*.test.ts', 'test/**/*.server.test.ts'];
/** Tests that build and install the packages. */
const PACKAGE_TESTS = ['test/package/**/*.test.ts'];

// oxlint-disable-next-line import/no-default-export -- vitest reads the default export.
export default defineConfig({
  // The examples import the package by its name; in a checkout that is the sources.
  resolve: {
    alias: [
      { find: /^perdure$/, replacement: `${import.meta.dirname}/client/index.ts` },
      { find: /^perdure\/(\w+)$/, replacement: `${import.meta.dirname}/$1/index.ts` },
    ],
  },
  test: {
    maxWorkers: 3,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...SERVER_TESTS, ...PACKAGE_TESTS],
          globalSetup: ['test/support/store/global-setup.ts'],
          testTimeout: 15_000,
          hookTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'server',
          include: SERVER_TESTS,
          globalSetup: ['test/global-setup.ts', 'test/support/store/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: { poll: { timeout: 30_000 } },
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          // After the others: builds and installations take both cores.
          sequence: { groupOrder: 1 },
          include: PACKAGE_TESTS,
          globalSetup: ['test/package/global-setup.ts'],
          testTimeout: 180_000,
          // npm install, from the registry where its cache is empty.
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
