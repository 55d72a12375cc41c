import stringWidth from 'string-width';
import { padToWidth } from './fit-width.ts';

/** Rows as lines with aligned columns, by the width of characters in a terminal. The last cell of a row is not padded. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, stringWidth(cell));
  }
  return rows.map((row) =>
    row.map((cell, column) => (column === row.length - 1 ? cell : padToWidth(cell, widths[column] ?? 0))).join('  '),
  );
}
