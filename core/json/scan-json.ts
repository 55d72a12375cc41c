/** Bounds of a JSON text. */
export interface JsonBounds {
  /** Maximum nesting of objects and arrays. */
  readonly depth: number;
  /** Maximum number of values, counted as one for each comma and each opening bracket. */
  readonly values: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Returns which bound a JSON text in UTF-8 exceeds, or null. One pass over the bytes, so that a text that would cost too
 * much is refused before it is parsed. Invalid JSON passes; the parser refuses it.
 */
export function scanJson(bytes: Uint8Array, bounds: JsonBounds): 'depth' | 'values' | null {
  let depth = 0;
  let values = 1;
  for (let index = 0; index < bytes.length; index += 1) {
    switch (bytes[index]) {
      case QUOTE:
        index = endOfString(bytes, index);
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        depth += 1;
        values += 1;
        if (depth > bounds.depth) return 'depth';
        if (values > bounds.values) return 'values';
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        depth -= 1;
        break;
      case COMMA:
        values += 1;
        if (values > bounds.values) return 'values';
        break;
      default:
    }
  }
  return null;
}

/** Returns the index of the quotation mark that closes the string opened at `start`; the length of a string that is not closed. */
function endOfString(bytes: Uint8Array, start: number): number {
  let index = start + 1;
  while (index < bytes.length && bytes[index] !== QUOTE) index += bytes[index] === BACKSLASH ? 2 : 1;
  return index;
}
