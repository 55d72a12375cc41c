import { PerdureError } from '../../contracts/errors.ts';

/** Encodes the position of the last row of a page as an opaque cursor. */
export function cursorOf(position: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** Decodes a cursor into the values described by `shape`. Throws `invalid_request` for any other text. */
export function positionIn(cursor: string, shape: readonly ('string' | 'number' | 'time')[]): (string | number)[] {
  const position = parsed(cursor);
  const fits =
    Array.isArray(position) &&
    position.length === shape.length &&
    shape.every((kind, index) => isOf(kind, position[index]));
  if (fits) return position as (string | number)[];
  throw new PerdureError(
    'invalid_request',
    `The cursor ${JSON.stringify(cursor.slice(0, 80))} is not valid. Pass the "nextCursor" of the previous page unchanged, or omit it to start at the first page.`,
  );
}

function isOf(kind: 'string' | 'number' | 'time', value: unknown): boolean {
  if (kind === 'number') return Number.isSafeInteger(value) && Math.abs(value as number) < 2 ** 31;
  if (typeof value !== 'string') return false;
  return kind === 'string' || isTime(value);
}

/** Whether a text is a time of the calendar from the year 1 on, as `Date` writes it: PostgreSQL has no year 0. */
function isTime(text: string): boolean {
  const at = new Date(text);
  return /^\d{4}-/.test(text) && !text.startsWith('0000') && !Number.isNaN(at.getTime()) && at.toISOString() === text;
}

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
