import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { read, ROOT, section, tableNames, tableRow } from './documents.ts';

const architecture = read('ARCHITECTURE.md');

test('the tables that ARCHITECTURE.md names are those that the migrations make', () => {
  const made = globSync('src/store/migrations/*.sql', { cwd: ROOT })
    .flatMap((path) => [...read(path).matchAll(/CREATE TABLE perdure\.(\w+)/g)])
    .map(([, name = '']) => name);
  expect(tableNames(section(architecture, 'The tables')).toSorted()).toEqual(made.toSorted());
});

test('the rooms that ARCHITECTURE.md names are the folders of src', () => {
  const folders = globSync('src/*/', { cwd: ROOT }).map((path) => basename(path));
  expect(tableNames(section(architecture, 'Rooms')).toSorted()).toEqual(folders.toSorted());
});

test('what a room may import is what lint lets it import', () => {
  const rooms = tableNames(section(architecture, 'Rooms'));
  const { overrides } = JSON.parse(read('.oxlintrc.json')) as LintSettings;
  for (const room of rooms) {
    const imports = overrides.find(({ files }) => files.includes(`src/${room}/**`))?.rules['no-restricted-imports'];
    const refused = imports?.[1].patterns.filter(({ allowTypeImports }) => allowTypeImports !== true) ?? [];
    const allowed = rooms.filter(
      (other) => other !== room && !refused.some(({ group }) => group.includes(`**/${other}/**`)),
    );
    const words: readonly string[] = tableRow(architecture, room)?.[3]?.match(/\w+/g) ?? [];
    expect({ room, allowed: rooms.filter((other) => words.includes(other)) }).toEqual({ room, allowed });
  }
});

interface LintSettings {
  readonly overrides: readonly {
    readonly files: readonly string[];
    readonly rules: {
      readonly 'no-restricted-imports'?: readonly [
        string,
        { readonly patterns: readonly { readonly group: readonly string[]; readonly allowTypeImports?: boolean }[] },
      ];
    };
  }[];
}

test('each record of a decision has a number of its own, which its title says', () => {
  const records = globSync('docs/decisions/*.md', { cwd: ROOT });
  const numbers = records.map((path) => basename(path).slice(0, 4));
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const path of records) expect(read(path)).toMatch(new RegExp(`^# ${Number(basename(path).slice(0, 4))}\\. `));
});
