import { z } from 'zod';
import { closestName } from '../../core/text/closest-name.ts';
import { ToolError, defineTool, type Tool } from '../define-tool.ts';

/** Returns the current date and time in an IANA time zone: `{time, weekday, timeZone}`, `time` as ISO 8601 with its offset. */
export function createClock({ now = () => new Date() }: { readonly now?: () => Date } = {}): Tool {
  return defineTool({
    name: 'clock',
    description: 'Returns the current date, time and weekday in a time zone.',
    parameters: z.strictObject({
      timeZone: z.string().max(100).default('UTC').describe('An IANA time zone, such as Europe/Berlin. Default: UTC'),
    }),
    idempotent: true,
    timeoutMs: 1_000,
    execute: ({ timeZone }) => timeIn(timeZone, now()),
  });
}

/** {@link createClock} with the machine's clock. */
export const clock = createClock();

function timeIn(timeZone: string, date: Date): { time: string; weekday: string; timeZone: string } {
  const part = Object.fromEntries(
    formatOf(timeZone)
      .formatToParts(date)
      .map(({ type, value }) => [type, value]),
  );
  // 'GMT+02:00'; some versions of ICU write 'GMT' for a zero offset.
  const offset = part['timeZoneName']?.slice('GMT'.length) || '+00:00';
  const { year, month, day, hour, minute, second, weekday = '' } = part;
  return { time: `${year}-${month}-${day}T${hour}:${minute}:${second}${offset}`, weekday, timeZone };
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en', {
      timeZone,
      hourCycle: 'h23',
      weekday: 'long',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      timeZoneName: 'longOffset',
    });
  } catch (error) {
    const closest = closestName(timeZone, Intl.supportedValuesOf('timeZone'));
    const remedy = closest === undefined ? 'use an IANA name such as Europe/Berlin or UTC' : `did you mean ${closest}?`;
    throw new ToolError(`Unknown time zone ${JSON.stringify(timeZone)}; ${remedy}`, { cause: error });
  }
}
