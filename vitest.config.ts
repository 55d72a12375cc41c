import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';
import { NODE_FLAGS } from './test/support/process/node-flags.ts';

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
    // Of two cores: many files wait, for processes, timers and answers.
    maxWorkers: 4,
    execArgv: [...NODE_FLAGS],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...SERVER_TESTS, ...PACKAGE_TESTS],
          globalSetup: ['test/support/store/global-setup.ts'],
          // For a machine on which much else runs.
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'server',
          include: SERVER_TESTS,
          globalSetup: ['test/global-setup.ts', 'test/support/store/global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 30_000 } },
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: PACKAGE_TESTS,
          globalSetup: ['test/package/global-setup.ts'],
          testTimeout: 600_000,
          // npm install, from the registry where its cache is empty.
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
