import type { Json } from '../../../contracts/json.ts';

/** A field of a form whose answer is one line of text. */
export interface FormField {
  readonly name: string;
  /** What it takes, such as `whole number from 1 to 40`. */
  readonly takes: string;
  readonly isRequired: boolean;
  readonly type: 'string' | 'boolean' | 'number' | 'list';
}

/** The fields of a form; null for a schema whose answers cannot be typed field by field, only as JSON. */
export function formFields(schema: unknown): readonly FormField[] | null {
  const { properties, required = [] } = (schema ?? {}) as {
    readonly properties?: unknown;
    readonly required?: unknown;
  };
  if (typeof properties !== 'object' || properties === null) return null;
  const names = Array.isArray(required) ? required : [];
  const fields = Object.entries(properties).map(([name, field]) => fieldOf(name, field, names.includes(name)));
  return fields.length > 0 && fields.every((field) => field !== null) ? fields : null;
}

/**
 * Reads what was typed under a form: `row=3, window=yes`; of a form with one field, its value alone; or JSON. Throws a SyntaxError that says what is
 * missing or wrong.
 */
export function parseForm(fields: readonly FormField[], line: string): Json {
  const typed = line.trim();
  if (typed.startsWith('{')) return JSON.parse(typed) as Json;
  const [only] = fields;
  const parts = partsOf(fields, typed);
  if (parts.size === 0 && only && fields.length === 1) parts.set(only.name, typed);
  if (parts.size === 0) throw new SyntaxError(`type each field with its name, such as ${exampleOf(fields)}`);
  const missing = fields.find(({ name, isRequired }) => isRequired && !parts.has(name));
  if (missing) throw new SyntaxError(`the field ${missing.name} is missing: ${missing.takes}`);
  return Object.fromEntries(
    fields.flatMap((field) => {
      const text = parts.get(field.name);
      return text === undefined ? [] : [[field.name, valueOf(field, text)]];
    }),
  );
}

/** How a form is answered: `row=…, window=…`. */
export function exampleOf(fields: readonly FormField[]): string {
  return fields.map(({ name }) => `${name}=…`).join(', ');
}

/** The texts after the names of fields. A comma separates them only in front of another name. */
function partsOf(fields: readonly FormField[], line: string): Map<string, string> {
  const parts = new Map<string, string>();
  let name: string | null = null;
  for (const part of line.split(',')) {
    const found = fields.find((field) => part.trimStart().startsWith(`${field.name}=`));
    if (found) {
      name = found.name;
      parts.set(
        name,
        part
          .trimStart()
          .slice(name.length + 1)
          .trim(),
      );
    } else if (name !== null) parts.set(name, `${parts.get(name) ?? ''},${part}`);
  }
  return parts;
}

function fieldOf(name: string, schema: unknown, isRequired: boolean): FormField | null {
  if (typeof schema !== 'object' || schema === null) return null;
  const { type, items, minimum, maximum } = schema as Readonly<Record<string, unknown>>;
  const choices = choicesOf(schema);
  switch (type) {
    case 'boolean':
      return { name, takes: 'yes or no', isRequired, type };
    case 'integer':
    case 'number': {
      const kind = type === 'integer' ? 'a whole number' : 'a number';
      const from = typeof minimum === 'number' ? ` from ${minimum}` : '';
      const to = typeof maximum === 'number' ? ` to ${maximum}` : '';
      return { name, takes: `${kind}${from}${to}`, isRequired, type: 'number' };
    }
    case 'string':
      return { name, takes: choices.length > 0 ? choices.join(' | ') : 'text', isRequired, type };
    case 'array':
      return { name, takes: `a list: ${choicesOf(items).join(', ') || 'text, text'}`, isRequired, type: 'list' };
    default:
      return null;
  }
}

/** The values of a field with choices, with their titles where they have some. */
function choicesOf(schema: unknown): string[] {
  const { enum: values, oneOf, anyOf } = (schema ?? {}) as Readonly<Record<string, unknown>>;
  if (Array.isArray(values)) return values.map(String);
  const titled = Array.isArray(oneOf) ? oneOf : Array.isArray(anyOf) ? anyOf : [];
  return (titled as { readonly const?: unknown; readonly title?: unknown }[]).flatMap(({ const: value, title }) => {
    if (typeof value !== 'string') return [];
    return typeof title === 'string' ? `${value} (${title})` : value;
  });
}

const YES: ReadonlySet<string> = new Set(['yes', 'y', 'true']);
const NO: ReadonlySet<string> = new Set(['no', 'n', 'false']);

function valueOf({ name, type, takes }: FormField, text: string): Json {
  if (type === 'string') return text;
  if (type === 'list') return text === '' ? [] : text.split(',').map((one) => one.trim());
  if (type === 'number') {
    const number = Number(text);
    if (text !== '' && Number.isFinite(number)) return number;
  } else if (YES.has(text.toLowerCase())) return true;
  else if (NO.has(text.toLowerCase())) return false;
  throw new SyntaxError(`the field ${name} takes ${takes}`);
}
