import type { Aim, BenchmarkRow, Table } from './benchmark.ts';
import type { Machine } from './machine.ts';

/** The result of one benchmark. */
export interface Result extends Table {
  readonly aims: readonly Aim[];
  readonly tables: readonly Table[];
  readonly tookMs: number;
}

/** The content of the JSON file. */
export interface Report {
  /** ISO 8601. */
  readonly date: string;
  readonly quick: boolean;
  readonly machine: Machine;
  readonly results: readonly Result[];
}

/** The results as text tables for a terminal. */
export function tableOf({ name, rows, aims, tables }: Result): string {
  const aimLines = aims.map((aim) => `  ${aimLine(aim)}`);
  return [gridText(name, rows), ...tables.map((table) => gridText(table.name, table.rows)), ...aimLines].join('\n');
}

function gridText(name: string, rows: readonly BenchmarkRow[]): string {
  const widths = gridOf(rows).reduce<number[]>(
    (widest, cells) => cells.map((cell, column) => Math.max(cell.length, widest[column] ?? 0)),
    [],
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  return [`\n${name}`, ...gridOf(rows).map(line)].join('\n');
}

/** The results as the block in `docs/benchmarks.md`. */
export function markdownOf({ date, machine, results, quick }: Report): string {
  const facts = Object.entries(machine).map(([name, value]) => `${name}: ${value}`);
  const head = [`Measured ${date.slice(0, 10)}${quick ? ' (quick: not for comparing)' : ''}. ${facts.join('; ')}.`];
  const aims = results.flatMap((result) => result.aims);
  const aimRows = aims.map((aim) => [aim.what, aim.wanted, format(aim.measured), aim.met ? 'met' : '**missed**']);
  if (aims.length > 0) head.push('', ...pipes([['aim', 'wanted', 'measured', ''], ...aimRows]));
  const parts = results.flatMap((result) => [
    ...sectionOf('###', result),
    ...result.tables.flatMap((table) => sectionOf('####', table)),
  ]);
  return [...head, ...parts].join('\n');
}

function sectionOf(heading: string, { name, describe, rows }: Table): string[] {
  return ['', `${heading} ${name}`, '', describe, '', ...pipes(gridOf(rows))];
}

function gridOf(rows: readonly BenchmarkRow[]): string[][] {
  const headings = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  const cellsOf = ({ what, values }: BenchmarkRow) => [
    what,
    ...headings.map((name) => (values[name] === undefined ? '' : format(values[name]))),
  ];
  return [['', ...headings], ...rows.map(cellsOf)];
}

function pipes([head = [], ...body]: readonly (readonly string[])[]): string[] {
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [head, rule, ...body].map((cells) => `| ${cells.join(' | ')} |`);
}

function aimLine({ what, wanted, measured, met }: Aim): string {
  return `${met ? 'met   ' : 'MISSED'}  ${what}: ${format(measured)} (wanted ${wanted})`;
}

/** Three significant digits, or all digits of a whole number. */
function format(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en');
  return Number.isFinite(value) ? value.toPrecision(3) : 'unknown';
}
