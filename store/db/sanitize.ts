/** Characters that PostgreSQL text cannot hold, as `JSON.stringify` escapes them: NUL and lone surrogates. */
const UNSTORABLE = /\\u(?:0000|d[89a-f])/i;

/** Encodes a value as JSON text that PostgreSQL accepts: NUL and lone surrogates become U+FFFD. `value` is what a later read returns. */
export function sanitizeJson<T>(value: T): { readonly value: T; readonly text: string } {
  const text = JSON.stringify(value);
  if (!UNSTORABLE.test(text)) return { value, text };
  const clean = cleaned(value) as T;
  return { value: clean, text: JSON.stringify(clean) };
}

/** Replaces NUL and lone surrogates with U+FFFD. */
export function sanitizeText(text: string): string {
  return text.replaceAll('\u0000', '\uFFFD').toWellFormed();
}

/** Sanitizes the text parameters of a statement, so that a look-up by an id that cannot exist finds nothing instead of failing. */
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
