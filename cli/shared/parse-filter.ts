import { InvalidArgumentError } from 'commander';

/** Parses a repeatable option `name=value`. */
export function parseNameValue(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected name=value.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** Parses a day or a time, in UTC unless it has a time zone, to ISO 8601. */
export function parseTime(text: string): string {
  const zoned = /T.*(Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text.includes('T') ? text : `${text}T00:00`}Z`;
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(zoned) : Number.NaN;
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('Expected a day or a time, such as 2026-11-01 or 2026-11-01T12:00:00Z.');
  return new Date(ms).toISOString();
}
