import { cursorOf } from './cursor.ts';

/** Clamps a requested page size to 1 … `max`. */
export function pageSize(limit: number, max: number): number {
  return Math.max(1, Math.min(Math.trunc(limit) || 1, max));
}

/** Cuts a page out of the rows of a query with `LIMIT limit + 1`. `nextCursor` is null on the last page. */
export function cutPage<Row>(
  rows: readonly Row[],
  limit: number,
  positionOf: (last: Row) => readonly (string | number)[],
): { readonly page: Row[]; readonly nextCursor: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { page, nextCursor: rows.length > limit && last !== undefined ? cursorOf(positionOf(last)) : null };
}
