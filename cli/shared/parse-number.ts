import { InvalidArgumentError } from 'commander';

/** Parses a number above 0. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0)) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

/** Parses an amount of 0 or more. */
export function parseAmount(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value < Infinity)) {
    throw new InvalidArgumentError('Expected a number, 0 or more.');
  }
  return value;
}

/** Parses a whole number of 0 or more. */
export function parseWhole(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Expected a whole number, 0 or more.');
  return Number(text);
}

/** Parses a whole number above 0. */
export function parseOrdinal(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Expected a whole number, 1 or more.');
  return Number(text);
}

/** Parses the size of a sample of histories: each of them is downloaded. */
export function parseSample(text: string): number {
  const value = parseOrdinal(text);
  if (value > 10_000) throw new InvalidArgumentError('Expected a whole number from 1 to 10000.');
  return value;
}

/** Parses a number from 0 to 1. */
export function parseFraction(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('Expected a number from 0 to 1.');
  return value;
}

/** Parses a share in percent, such as `10%`, to a number from 0 to 1. */
export function parseShare(text: string): number {
  const percent = /^\d{1,3}(\.\d{1,2})?%$/.test(text) ? Number(text.slice(0, -1)) : Number.NaN;
  if (!(percent <= 100)) throw new InvalidArgumentError('Expected a percentage from 0% to 100%, such as 10%.');
  return percent / 100;
}

/** Parses the seconds between two readings: 1 to 3,600. */
export function parseInterval(text: string): number {
  const value = Number(text);
  if (!(value >= 1 && value <= 3_600)) throw new InvalidArgumentError('Expected seconds from 1 to 3600.');
  return value;
}

/** Parses a port: 0, for any free one, to 65535. */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('Expected a port, 0 to 65535.');
  return port;
}
