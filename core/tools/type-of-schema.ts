/** A part of a JSON Schema. It comes from outside, so nothing about its form is certain. */
type Schema = unknown;

/** Schemas are printed down to this level; below it a value is `unknown`. */
const MAX_DEPTH = 12;
/** Longer lists of alternatives are printed as the general type. */
const MAX_ALTERNATIVES = 50;
/** Parts of a schema that are printed. The others are `unknown`: references can make a small schema a huge type. */
const MAX_PARTS = 1_000;

/** Prints the TypeScript type of the values that match a JSON Schema. What it cannot express is `unknown`. */
export function typeOfSchema(schema: Schema): string {
  return typeOf(schema, { root: schema, refs: [], depth: 0, parts: { left: MAX_PARTS } });
}

interface Where {
  readonly root: Schema;
  /** The references that lead here: a reference to one of them is a recursive type. */
  readonly refs: readonly string[];
  readonly depth: number;
  readonly parts: { left: number };
}

function typeOf(schema: Schema, where: Where): string {
  if (!isObject(schema) || where.depth > MAX_DEPTH || where.parts.left <= 0) return 'unknown';
  where.parts.left -= 1;
  const inner = { ...where, depth: where.depth + 1 };
  const { $ref: ref, enum: values, anyOf, oneOf, allOf, type } = schema;
  if (typeof ref === 'string') return typeOfReference(ref, inner);
  if ('const' in schema) return literal(schema['const']);
  if (Array.isArray(values)) return union(values.map(literal));
  const alternatives = anyOf ?? oneOf;
  if (Array.isArray(alternatives)) return union(alternatives.map((one) => typeOf(one, inner)));
  if (Array.isArray(allOf)) return allOf.map((one) => parenthesized(typeOf(one, inner))).join(' & ') || 'unknown';
  if (Array.isArray(type)) return union(type.map((one) => typeOf({ ...schema, type: one }, inner)));
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
      return type;
    case 'number':
    case 'integer':
      return 'number';
    case 'array':
      return typeOfArray(schema, inner);
    case 'object':
      return typeOfObject(schema, inner);
    default:
      return isObject(schema['properties']) ? typeOfObject(schema, inner) : 'unknown';
  }
}

/** Only references within the schema are followed. */
function typeOfReference(ref: string, where: Where): string {
  if (!ref.startsWith('#') || where.refs.includes(ref)) return 'unknown';
  const path = ref.slice(1).split('/').filter(Boolean);
  const target = path.reduce<unknown>((part, name) => {
    const key = name.replaceAll('~1', '/').replaceAll('~0', '~');
    return isObject(part) && Object.hasOwn(part, key) ? part[key] : undefined;
  }, where.root);
  return typeOf(target, { ...where, refs: [...where.refs, ref] });
}

function typeOfArray({ items, prefixItems }: Record<string, unknown>, where: Where): string {
  if (Array.isArray(prefixItems)) return `[${prefixItems.map((one) => typeOf(one, where)).join(', ')}]`;
  return `${parenthesized(typeOf(items, where))}[]`;
}

function typeOfObject(schema: Record<string, unknown>, where: Where): string {
  const { properties, required, additionalProperties: rest } = schema;
  const names = isObject(properties) ? Object.keys(properties) : [];
  const isRequired = new Set(Array.isArray(required) ? required : []);
  const fields = names.map((name) => {
    const field = isObject(properties) ? properties[name] : undefined;
    const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
    return `${comment(field)}${key}${isRequired.has(name) ? '' : '?'}: ${typeOf(field, where)}`;
  });
  if (fields.length === 0) return `Record<string, ${isObject(rest) ? typeOf(rest, where) : 'unknown'}>`;
  return `{ ${fields.join('; ')} }`;
}

function comment(field: Schema): string {
  const description = isObject(field) ? field['description'] : undefined;
  return typeof description === 'string' && description !== '' ? `/** ${commentText(description)} */ ` : '';
}

/** The text on one line, and without an end of the comment. */
export function commentText(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('*/', '* /').trim();
}

function literal(value: unknown): string {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value) ? JSON.stringify(value) : 'unknown';
}

function union(types: readonly string[]): string {
  const distinct = [...new Set(types)];
  if (distinct.length === 0 || distinct.includes('unknown') || distinct.length > MAX_ALTERNATIVES) return 'unknown';
  return distinct.map(parenthesized).join(' | ');
}

function parenthesized(type: string): string {
  return / [|&] /.test(type) ? `(${type})` : type;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
