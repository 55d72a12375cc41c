import { stripControl } from './strip-control.ts';

const MAX_CHARACTERS = 500;

/** A JSON value on one line, cut after 500 characters. Strings are shown without quotes. */
export function oneLine(value: unknown): string {
  const text = stripControl(typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(/\s*\n\s*/g, ' ⏎ ');
  if (text.length <= MAX_CHARACTERS) return text;
  return `${text.slice(0, MAX_CHARACTERS)}… (${text.length - MAX_CHARACTERS} more characters)`;
}
