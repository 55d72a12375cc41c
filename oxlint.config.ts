import { globSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { defineConfig } from 'oxlint';
import { WALLS } from './walls.ts';

/** Every folder that has code and a row in the table, its own or that of a folder above it. */
const FOLDERS = [...new Set(globSync('*/**/*.ts', { cwd: import.meta.dirname, exclude: outside }).map(dirname))].filter(
  (folder) => rowOf(folder) !== undefined,
);

/** What single rooms are refused besides. */
const REFUSED: Readonly<Record<string, readonly object[]>> = {
  core: [
    {
      group: ['node:fs*', 'node:net', 'node:http*', 'node:child_process', 'zod'],
      allowTypeImports: true,
      message: 'core/ is pure: no I/O.',
    },
  ],
  workflows: [{ group: ['node:*', 'zod'], message: 'Workflow code is deterministic: no Node built-ins, no zod.' }],
};

/** What a room may import as types only. */
const TYPES_ONLY: Readonly<Record<string, readonly string[]>> = { workflows: ['activities/shared'] };

// oxlint-disable-next-line import/no-default-export -- oxlint reads the default export.
export default defineConfig({
  plugins: ['typescript', 'unicorn', 'import', 'promise', 'vitest'],
  categories: { correctness: 'error', suspicious: 'error' },
  options: { typeAware: true },
  ignorePatterns: ['node_modules', 'dist', 'dist-packages', 'bench/results', 'chaos/reports', 'test/histories'],
  rules: {
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'import/no-default-export': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/no-unsafe-type-assertion': 'off',
    'consistent-return': 'off',
    'typescript/consistent-return': 'off',
    'no-console': 'off',
    'no-underscore-dangle': 'off',
    'no-await-in-loop': 'off',
    'promise/no-promise-in-callback': 'off',
  },
  overrides: FOLDERS.map((folder) => ({
    files: [`${folder}/*.ts`],
    rules: { 'no-restricted-imports': ['error', { patterns: wallsOf(folder) }] },
  })),
});

/** The imports that the files of one folder are refused, as patterns over what they would write. */
function wallsOf(folder: string): object[] {
  const row = rowOf(folder) ?? folder;
  const room = folder.split('/')[0] ?? folder;
  const refused = FOLDERS.filter((other) => !mayImport(row, other));
  const typesOnly = TYPES_ONLY[room] ?? [];
  const message = `${row}/ may import only ${[row, ...(WALLS[row] ?? [])].join(', ')} (walls.ts).`;
  return [
    {
      regex: specifiersOf(
        folder,
        refused.filter((other) => !typesOnly.includes(other)),
      ),
      message,
    },
    ...(typesOnly.length === 0
      ? []
      : [
          {
            regex: specifiersOf(folder, typesOnly),
            allowTypeImports: true,
            message: `${row}/ may import only types of ${typesOnly.join(', ')}.`,
          },
        ]),
    ...(REFUSED[room] ?? []),
  ];
}

/** Matches the specifiers by which a file directly in `folder` imports one directly in any of `others`. */
function specifiersOf(folder: string, others: readonly string[]): string {
  const prefixes = others
    .map((other) => relative(folder, other))
    .map((path) => (path.startsWith('.') ? path : `./${path}`));
  return `^(${prefixes.map((prefix) => prefix.replaceAll('.', String.raw`\.`)).join('|')})/[^/]+$`;
}

function mayImport(row: string, other: string): boolean {
  const theirs = rowOf(other);
  return (
    theirs === row ||
    (WALLS[row] ?? []).some((name) =>
      name.endsWith('/**')
        ? `${other}/`.startsWith(name.slice(0, -2))
        : theirs === name || other === name || (theirs !== other && other.startsWith(`${name}/`)),
    )
  );
}

/** The name of the row that governs a folder. */
function rowOf(folder: string): string | undefined {
  for (let name = folder; name !== '.'; name = dirname(name)) if (name in WALLS) return name;
  return undefined;
}

function outside(path: string): boolean {
  return /^(node_modules|dist|dist-packages|test|bench|chaos|examples|packages|bin)\b/.test(path);
}
