import type { Cost } from '../../contracts/usage.ts';

const SHOWN_CHARACTERS = 500;

/** Text from elsewhere without what would move the cursor, set colours or ring the bell. Line breaks and tabs stay. */
export function stripControl(text: string): string {
  return text.replaceAll(/\r\n?/g, '\n').replaceAll(/[^\P{Cc}\n\t]/gu, '');
}

/** A JSON value on one line, its end left out when it is long. Texts are shown without quotes. */
export function oneLine(value: unknown): string {
  const text = stripControl(typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(/\s*\n\s*/g, ' ⏎ ');
  if (text.length <= SHOWN_CHARACTERS) return text;
  return `${text.slice(0, SHOWN_CHARACTERS)}… (${text.length - SHOWN_CHARACTERS} more characters)`;
}

/** `40 ms`, `0.4 s`, `12 s`, `3 min 20 s`. */
export function duration(ms: number): string {
  if (ms < 100) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** A number of things, `unknown` where it is not known. */
export function count(value: number | null, one: string, many = `${one}s`): string {
  if (value === null) return `unknown ${many}`;
  return `${value.toLocaleString('en')} ${value === 1 ? one : many}`;
}

/** Dollars with at least two decimals, at most six: `$0.00`, `$12.30`, `$0.000125`. */
export function money(usd: number): string {
  return `$${usd.toFixed(6).replace(/0{1,4}$/, '')}`;
}

/** What is known of a cost, and whether that is all. */
export function cost({ costUsd, knownCostUsd, unpricedCalls }: Cost): string {
  if (costUsd !== null) return money(costUsd);
  const unknown = `unknown for ${count(unpricedCalls, 'call')}`;
  return knownCostUsd === 0 ? unknown : `${money(knownCostUsd)}, and ${unknown}`;
}

/** Rows as columns of equal width, the last one as it is. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  '),
  );
}
