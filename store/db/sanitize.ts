/** What PostgreSQL cannot keep, as `JSON.stringify` writes it: NUL, and halves of surrogate pairs. */
const UNSTORABLE = /\\u(?:0000|d[89a-f])/i;

/** A value as JSON text that PostgreSQL can keep, and the value that will be read back: NUL and lone surrogates become U+FFFD. */
export function sanitizeJson<T>(value: T): { readonly value: T; readonly text: string } {
  const text = JSON.stringify(value);
  if (!UNSTORABLE.test(text)) return { value, text };
  const clean = cleaned(value) as T;
  return { value: clean, text: JSON.stringify(clean) };
}

/** Text that PostgreSQL can keep. */
export function sanitizeText(text: string): string {
  return text.replaceAll('\u0000', '\uFFFD').toWellFormed();
}

/** Parameters of a statement, with what PostgreSQL would refuse replaced: a look-up by such an id finds nothing. */
export function sanitizeParams(params: readonly unknown[]): unknown[] {
  return params.map((param) => (typeof param === 'string' ? sanitizeText(param) : param));
}

function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return sanitizeText(value);
  if (Array.isArray(value)) return value.map(cleaned);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [sanitizeText(name), cleaned(part)]));
  }
  return value;
}
