import stringWidth from 'string-width';
import { fitWidth, padToWidth } from './fit-width.ts';

const GAP = '  ';

/** No column is cut to less than this. */
const MIN_WIDTH = 6;

/**
 * Rows as lines with aligned columns, by the width of characters in a terminal. The last cell of a row is not padded.
 * With `maxWidth`, the widest columns are cut and end with `…` until a line fits, as far as that is possible.
 */
export function formatTable(rows: readonly (readonly string[])[], maxWidth = Infinity): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, stringWidth(cell));
  }
  const fitting = fitColumns(widths, maxWidth);
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = fitting[column] ?? 0;
        const shown = stringWidth(cell) > width ? fitWidth(cell, width) : cell;
        return column === row.length - 1 ? shown : padToWidth(shown, width);
      })
      .join(GAP),
  );
}

/** Narrows the widest columns until the sum fits. */
function fitColumns(widths: readonly number[], maxWidth: number): number[] {
  const fitting = [...widths];
  let excess = fitting.reduce((sum, width) => sum + width, 0) + GAP.length * (fitting.length - 1) - maxWidth;
  while (excess > 0) {
    const widest = Math.max(...fitting);
    if (widest <= MIN_WIDTH) break;
    const next = Math.max(MIN_WIDTH, ...fitting.filter((width) => width < widest));
    const columns = fitting.filter((width) => width === widest).length;
    const cut = Math.min(widest - next, Math.ceil(excess / columns));
    for (const [column, width] of fitting.entries()) if (width === widest) fitting[column] = widest - cut;
    excess -= cut * columns;
  }
  return fitting;
}
