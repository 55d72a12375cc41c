import { cursorOf } from './cursor.ts';

/** A page's size within its bounds: at least 1, at most `max`. */
export function pageSize(limit: number, max: number): number {
  return Math.max(1, Math.min(Math.trunc(limit) || 1, max));
}

/** A page of rows that were asked for one more than `limit`, and where the next one begins: null after the last page. */
export function cutPage<Row>(
  rows: readonly Row[],
  limit: number,
  positionOf: (last: Row) => readonly (string | number)[],
): { readonly shown: Row[]; readonly nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { shown, nextCursor: rows.length > limit && last !== undefined ? cursorOf(positionOf(last)) : null };
}
