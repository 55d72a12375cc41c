import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d{1,9})([smhd])$/;

/** Parses a duration such as `30m`, to ms. */
export function parseDuration(text: string): number {
  const ms = durationMs(text);
  if (ms === null) throw new InvalidArgumentError('Expected a duration such as 30m, 12h or 7d.');
  return ms;
}

/** A duration such as `30m` in ms; null for any other text. */
export function durationMs(text: string): number | null {
  const [, amount, unit] = DURATION.exec(text) ?? [];
  return amount === undefined || unit === undefined ? null : Number(amount) * (UNITS[unit] ?? 0);
}
