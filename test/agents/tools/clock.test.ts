import { expect, test } from 'vitest';
import { createClock } from '../../../agents/tools/clock.ts';
import { toolContext } from '../../support/tool-context.ts';

const at = (iso: string, timeZone: string): unknown =>
  createClock({ now: () => new Date(iso) }).execute({ timeZone }, toolContext());

test('the clock tells time, offset and weekday in a time zone', () => {
  expect(at('2026-11-21T23:30:05Z', 'Europe/Berlin')).toEqual({
    time: '2026-11-22T00:30:05+01:00',
    weekday: 'Sunday',
    timeZone: 'Europe/Berlin',
  });
});

test('daylight saving time and half hours show in the offset', () => {
  expect(at('2026-07-01T12:00:00Z', 'Europe/Berlin')).toMatchObject({ time: '2026-07-01T14:00:00+02:00' });
  expect(at('2026-07-01T12:00:00Z', 'Asia/Kolkata')).toMatchObject({ time: '2026-07-01T17:30:00+05:30' });
  expect(at('2026-07-01T12:00:00Z', 'America/St_Johns')).toMatchObject({ time: '2026-07-01T09:30:00-02:30' });
});

test('midnight is 00, and UTC has the offset 0', () => {
  expect(at('2026-01-01T00:00:00Z', 'UTC')).toMatchObject({ time: '2026-01-01T00:00:00+00:00' });
});

test('the time zone is UTC when none is given', () => {
  expect(createClock().parameters.parse({})).toEqual({ timeZone: 'UTC' });
});

test('an unknown time zone is told its nearest name, or how names look', () => {
  expect(() => at('2026-01-01T00:00:00Z', 'Europe/Berlln')).toThrow('did you mean Europe/Berlin?');
  expect(() => at('2026-01-01T00:00:00Z', 'my place')).toThrow('use an IANA name');
});
