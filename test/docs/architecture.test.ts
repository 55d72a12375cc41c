import { globSync } from 'node:fs';
import { basename, dirname, relative } from 'node:path';
import { expect, test } from 'vitest';
import lintConfig from '../../oxlint.config.ts';
import { WALLS } from '../../walls.ts';
import { read, ROOT, section, SOURCES, tableNames, tableRow } from './documents.ts';

const architecture = read('ARCHITECTURE.md');
const rows = Object.keys(WALLS);
const rooms = rows.filter((row) => !row.includes('/'));
/** The rooms that a room and the folders inside it may import. */
const roomsImportedBy = (room: string): Set<string> =>
  new Set(
    rows
      .filter((row) => roomOf(row) === room)
      .flatMap((row) => WALLS[row] ?? [])
      .map(roomOf)
      .filter((other) => other !== room),
  );

test('the tables that ARCHITECTURE.md names are those that the migrations make', () => {
  const made = globSync('store/migrations/*/*.sql', { cwd: ROOT })
    .flatMap((path) => [...read(path).matchAll(/CREATE TABLE perdure\.(\w+)/g)])
    .map(([, name = '']) => name);
  expect(tableNames(section(architecture, 'The tables')).toSorted()).toEqual(made.toSorted());
});

test('the rooms that ARCHITECTURE.md names are the folders of code and the rows of the table of walls', () => {
  const folders = new Set(SOURCES.filter((path) => path.includes('/') && path.endsWith('.ts')).map(roomOf));
  expect([...folders].toSorted()).toEqual(rooms.toSorted());
  expect(tableNames(section(architecture, 'Rooms')).toSorted()).toEqual(rooms.toSorted());
});

test('what ARCHITECTURE.md says a room may import is what the table of walls allows', () => {
  for (const room of rooms) {
    const words: readonly string[] = tableRow(architecture, room)?.[3]?.match(/[\w-]+/g) ?? [];
    expect({ room, imports: rooms.filter((other) => words.includes(other)).toSorted() }).toEqual({
      room,
      imports: [...roomsImportedBy(room)].toSorted(),
    });
  }
});

test('lint refuses what the table of walls does not allow, inside a room too', () => {
  expect(refuses('store/log', '../steps/begin-step.ts')).toBe(true);
  expect(refuses('store/log', '../db/db.ts')).toBe(false);
  expect(refuses('core/text', '../../store/db/db.ts')).toBe(true);
  expect(refuses('core/text', '../money/price.ts')).toBe(false);
  expect(refuses('gateway/feed', '../routes/events.ts')).toBe(true);
  expect(refuses('gateway/routes', '../feed/feed.ts')).toBe(false);
});

test('no folder has more than 25 files', () => {
  const files = globSync('**/*.*', { cwd: ROOT, exclude: (path) => /(^|\/)(node_modules|dist|\.\w+)$/.test(path) });
  const counts = Map.groupBy(files, dirname);
  expect([...counts].filter(([, { length }]) => length > 25).map(([folder]) => folder)).toEqual([]);
});

test('each record of a decision has a number of its own, which its title says', () => {
  const records = globSync('docs/decisions/*/[0-9]*.md', { cwd: ROOT });
  const numbers = records.map((path) => basename(path).slice(0, 4));
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const path of records) expect(read(path)).toMatch(new RegExp(`^# ${Number(basename(path).slice(0, 4))}\\. `));
});

test('the index of the decisions lists every record, in order, with its title', () => {
  const records = globSync('docs/decisions/*/[0-9]*.md', { cwd: ROOT }).toSorted();
  const expected = records.map((path) => {
    const [, number, title] = /^# (\d+)\. (.+)$/m.exec(read(path)) ?? [];
    return `| [${number}](${relative('docs/decisions', path)}) | ${title} |`;
  });
  const listed = read('docs/decisions/README.md')
    .split('\n')
    .filter((line) => line.startsWith('| ['));
  expect(listed).toEqual(expected);
});

/** Whether lint refuses an import in a file directly in `folder`. */
function refuses(folder: string, specifier: string): boolean {
  const override = lintConfig.overrides?.find(({ files }) => files.includes(`${folder}/*.ts`));
  const rule = override?.rules?.['no-restricted-imports'] as [string, { patterns: RefusedImport[] }] | undefined;
  if (rule === undefined) throw new Error(`Lint has no rule for ${folder}/.`);
  const refused = rule[1].patterns.filter(({ allowTypeImports }) => allowTypeImports !== true);
  return refused.some(({ regex }) => regex !== undefined && new RegExp(regex).test(specifier));
}

interface RefusedImport {
  readonly regex?: string;
  readonly allowTypeImports?: boolean;
}

function roomOf(path: string): string {
  return path.split('/')[0] ?? path;
}
