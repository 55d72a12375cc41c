import { InvalidArgumentError } from 'commander';
import { durationMs } from './parse-duration.ts';

/** Parses a repeatable option `name=value`. */
export function parseNameValue(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected name=value.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** Parses a time in UTC unless it has a time zone, or a time ago such as `12h`, to ISO 8601. */
export function parseTime(text: string): string {
  const ago = durationMs(text);
  if (ago !== null) return isoAgo(ago);
  const zoned = /T.*(Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text.includes('T') ? text : `${text}T00:00`}Z`;
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(zoned) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new InvalidArgumentError(
      'Expected a day, a time or a time ago, such as 2026-11-01, 2026-11-01T12:00:00Z or 12h.',
    );
  }
  return new Date(ms).toISOString();
}

/** Parses a day in UTC, or a time ago such as `7d`, to `YYYY-MM-DD`. */
export function parseDay(text: string): string {
  const ago = durationMs(text);
  if (ago !== null) return isoAgo(ago).slice(0, 10);
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text));
  if (!isDay) throw new InvalidArgumentError('Expected a day or a time ago, such as 2026-11-01 or 7d.');
  return text;
}

function isoAgo(ms: number): string {
  const at = Date.now() - ms;
  if (at < 0) throw new InvalidArgumentError('That is before 1970.');
  return new Date(at).toISOString();
}
