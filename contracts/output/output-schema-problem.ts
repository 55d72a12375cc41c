import type { Json, JsonObject } from '../json.ts';
import { jsonProblem } from '../json-schema.ts';
import { LIMITS } from '../limits.ts';
import { IN_PLACE, patternProblem, SUBSCHEMAS, UNSUPPORTED, valueProblem } from './schema-keywords.ts';

type Path = readonly (string | number)[];

/** What is wrong with a schema, and where. The message has no full stop. */
export interface SchemaProblem {
  readonly path: Path;
  readonly message: string;
}

/** A schema within the document, by its JSON pointer. */
interface Subschema {
  readonly path: Path;
  /** Pointers of the schemas that apply to the same value. */
  readonly inPlace: string[];
  /** The pointer that `$ref` has; null without one. */
  ref: string | null;
}

/**
 * Returns the first reason why a value cannot be the JSON Schema (2020-12) of a structured answer; null if it can. Its size and
 * depth are checked before anything else. References stay within the document, and none leads back to its own schema without
 * going into a part of the value, which no validation would end.
 */
export function outputSchemaProblem(value: unknown): SchemaProblem | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return at([], 'must be a JSON Schema, which is an object');
  const unfit = jsonProblem(value, LIMITS.outputSchemaDepth.value) ?? sizeProblem(value);
  if (unfit !== null) return at([], unfit);
  const root = value as JsonObject;
  if (root['type'] !== 'object') return at(['type'], 'must be "object"; put other values into a property of an object');
  const schemas = new Map<string, Subschema>();
  return collect(root, [], schemas) ?? refProblem(schemas) ?? cycleProblem(schemas);
}

function at(path: Path, message: string): SchemaProblem {
  return { path, message };
}

function sizeProblem(value: object): string | null {
  const limit = LIMITS.outputSchemaBytes.value;
  const bytes = new TextEncoder().encode(JSON.stringify(value)).length;
  return bytes > limit
    ? `has ${bytes} bytes as JSON; the limit is ${limit}. Shorten its descriptions, or ask for less at once`
    : null;
}

/** Adds a schema and its subschemas to `found`. Returns the first problem of their keywords. */
function collect(schema: Json, path: Path, found: Map<string, Subschema>): SchemaProblem | null {
  if (typeof schema === 'boolean') {
    found.set(pointerOf(path), { path, inPlace: [], ref: null });
    return null;
  }
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
    return at(path, Array.isArray(schema) ? 'must be a schema; use "prefixItems" for a list' : 'must be a schema');
  const self: Subschema = { path, inPlace: [], ref: null };
  found.set(pointerOf(path), self);
  for (const [keyword, value] of Object.entries(schema)) {
    const problem = keywordProblem(keyword, value);
    if (problem !== null) return at([...path, keyword], problem);
    if (keyword === '$ref') self.ref = targetOf(value as string);
    const kind = SUBSCHEMAS.get(keyword);
    if (kind === undefined) continue;
    for (const [part, below] of partsOf(kind, keyword, value, path)) {
      if (IN_PLACE.has(keyword)) self.inPlace.push(pointerOf(below));
      const inner = collect(part, below, found);
      if (inner !== null) return inner;
    }
  }
  return null;
}

function keywordProblem(keyword: string, value: Json): string | null {
  const remedy = UNSUPPORTED.get(keyword);
  if (remedy !== undefined) return `is not supported: ${remedy}`;
  // Names that the validator itself attaches to schemas.
  if (keyword.startsWith('__')) return 'is not a keyword: remove it';
  if (keyword === '$ref') {
    const isLocal = typeof value === 'string' && /^#($|\/)/.test(value);
    return isLocal ? null : 'must refer to a part of this schema, as "#/$defs/…"; copy other schemas into "$defs"';
  }
  const kind = SUBSCHEMAS.get(keyword);
  if (kind === 'list' && (!Array.isArray(value) || value.length === 0)) return 'must be a list of schemas';
  if (kind === 'map') {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must map names to schemas';
    if (keyword !== 'patternProperties') return null;
    return Object.keys(value).some((pattern) => patternProblem(pattern) !== null)
      ? 'must map regular expressions of JavaScript, with the flag "u", to schemas'
      : null;
  }
  return valueProblem(keyword, value);
}

/** The subschemas of a keyword whose value has the right form, each with its path. */
function partsOf(kind: 'one' | 'list' | 'map', keyword: string, value: Json, path: Path): [Json, Path][] {
  if (kind === 'one') return [[value, [...path, keyword]]];
  if (kind === 'list') return (value as Json[]).map((part, index) => [part, [...path, keyword, index]]);
  return Object.entries(value as JsonObject).map(([name, part]) => [part, [...path, keyword, name]]);
}

/** The path as a JSON pointer. */
function pointerOf(path: Path): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The pointer in a reference, without its percent-encoding; null if that is malformed. */
function targetOf(ref: string): string | null {
  try {
    return decodeURIComponent(ref.slice(1));
  } catch {
    return ref;
  }
}

function refProblem(schemas: ReadonlyMap<string, Subschema>): SchemaProblem | null {
  for (const { path, ref } of schemas.values()) {
    if (ref !== null && !schemas.has(ref)) return at([...path, '$ref'], 'refers to no schema in this document');
  }
  return null;
}

/** Follows what applies to the same value, depth first, with a stack of its own. */
function cycleProblem(schemas: ReadonlyMap<string, Subschema>): SchemaProblem | null {
  const done = new Set<string>();
  for (const start of schemas.keys()) {
    const open = new Set<string>();
    const stack = [{ pointer: start, leaves: false }];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { pointer, leaves } = next;
      const schema = schemas.get(pointer);
      if (leaves) {
        open.delete(pointer);
        done.add(pointer);
        continue;
      }
      if (schema === undefined || done.has(pointer)) continue;
      if (open.has(pointer))
        return at(
          schema.path,
          'refers back to itself for the same value; put the reference into a property or an item',
        );
      open.add(pointer);
      stack.push({ pointer, leaves: true });
      for (const target of [...schema.inPlace, ...(schema.ref === null ? [] : [schema.ref])])
        stack.push({ pointer: target, leaves: false });
    }
  }
  return null;
}
