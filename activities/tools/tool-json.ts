import { isNativeError } from 'node:util/types';
import type { Json } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { describeThrown } from './describe-thrown.ts';

/** A value from a tool as JSON, or why it is not accepted: `problem` follows "is" or "are", such as `not JSON: it is a BigInt.` */
export type ToolJson = { readonly value: Json } | { readonly problem: string; readonly isTooLarge: boolean };

/** A value that is larger than this many times its limit is not converted to the end, so its exact size is not reported. */
const MEASURED = 4;

/** Thrown to interrupt `JSON.stringify`. */
class Rejected extends Error {
  override readonly name = 'Rejected';
  readonly isTooLarge: boolean;

  constructor(problem: string, isTooLarge = false) {
    super(problem);
    this.isTooLarge = isTooLarge;
  }
}

/**
 * Converts a value that a tool's code has made to JSON. Never throws, whatever its getters and `toJSON` methods do. Stops
 * reading a value that is several times larger than `maxBytes`. Rejects what `JSON.stringify` would silently turn into `{}`, such
 * as a Map or an Error. Replaces NUL and lone surrogates, which PostgreSQL cannot store, by U+FFFD. Undefined is null.
 */
export function toolJson(value: unknown, maxBytes: number): ToolJson {
  let text: string | undefined;
  try {
    text = JSON.stringify(value === undefined ? null : value, checked(maxBytes));
  } catch (error) {
    if (error instanceof Rejected) return { problem: error.message, isTooLarge: error.isTooLarge };
    const [reason = ''] = describeThrown(error).message.split('\n');
    return { problem: `not JSON: ${reason}`, isTooLarge: false };
  }
  if (text === undefined) return { problem: `not JSON: it is a ${typeof value}.`, isTooLarge: false };
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes)
    return { problem: `too large: ${bytes} bytes as JSON, the limit is ${maxBytes}.`, isTooLarge: true };
  return { value: JSON.parse(storable(text)) as Json };
}

/** A replacer that checks each value, after `toJSON`, and counts a lower bound of its bytes. */
function checked(maxBytes: number): (this: unknown, key: string, value: unknown) => unknown {
  let bytes = 0;
  const depths = new WeakMap<object, number>();
  const maxDepth = LIMITS.toolJsonDepth.value;
  return function check(key, value) {
    bytes += leastBytes(key, value, Array.isArray(this));
    if (bytes > MEASURED * maxBytes)
      throw new Rejected(`too large: more than ${bytes} bytes as JSON, the limit is ${maxBytes}.`, true);
    if (typeof value === 'bigint') throw new Rejected(`not JSON: ${placeOf(key)} is a BigInt.`);
    if (typeof value !== 'object' || value === null) return value;
    const type = unserializable(value);
    if (type !== null) throw new Rejected(`not JSON: ${placeOf(key)} is of the type ${type}.`);
    const depth = (depths.get(this as object) ?? 0) + 1;
    if (depth > maxDepth) throw new Rejected(`nested too deeply: the limit is ${maxDepth} levels.`);
    depths.set(value, depth);
    return value;
  };
}

/** A lower bound of the bytes that a member adds to the JSON text. */
function leastBytes(key: string, value: unknown, isElement: boolean): number {
  if (value === undefined && !isElement) return 0;
  return (isElement ? 0 : key.length) + (typeof value === 'string' ? value.length + 2 : 1);
}

/** The type of an object whose content `JSON.stringify` would lose; null for any other. */
function unserializable(value: object): string | null {
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1);
  if (isNativeError(value) || tag === 'Error') return 'Error';
  if (ArrayBuffer.isView(value)) return tag;
  const isPlain = ['Object', 'Array', 'Date', 'String', 'Number', 'Boolean'].includes(tag);
  return isPlain || Object.keys(value).length > 0 ? null : tag;
}

function placeOf(key: string): string {
  return key === '' ? 'it' : `the value of ${JSON.stringify(key.slice(0, 100))}`;
}

/** Replaces what PostgreSQL cannot store. `JSON.stringify` has escaped it. */
function storable(json: string): string {
  return json.replaceAll(/\\(?:u0000|ud[89a-f][0-9a-f]{2}|.)/g, (escape) =>
    /^\\u(?:0000|d[89a-f])/.test(escape) ? '\uFFFD' : escape,
  );
}
