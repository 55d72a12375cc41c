import { PerdureError } from '../../contracts/errors.ts';

/** Where the next page begins, as text that means nothing to its holder. */
export function cursorOf(position: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** The position in a cursor: as many strings or numbers as `shape`. Throws `invalid_request` for any other text. */
export function positionIn(cursor: string, shape: readonly ('string' | 'number' | 'time')[]): (string | number)[] {
  const position = parsed(cursor);
  const fits =
    Array.isArray(position) &&
    position.length === shape.length &&
    shape.every((kind, index) => isOf(kind, position[index]));
  if (fits) return position as (string | number)[];
  throw new PerdureError(
    'invalid_request',
    `The cursor ${JSON.stringify(cursor.slice(0, 80))} is not one that a page ended with. Leave it out to begin at the first page.`,
  );
}

function isOf(kind: 'string' | 'number' | 'time', value: unknown): boolean {
  if (kind === 'number') return Number.isSafeInteger(value) && Math.abs(value as number) < 2 ** 31;
  if (typeof value !== 'string') return false;
  return kind === 'string' || /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value);
}

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
