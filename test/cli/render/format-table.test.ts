import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import type { SessionRecord } from '../../../contracts/session/session.ts';
import { sessionRows } from '../../../cli/look/sessions.ts';
import { fitWidth } from '../../../cli/render/fit-width.ts';
import { formatTable } from '../../../cli/render/format-table.ts';
import { snapshot } from '../fake-service.ts';

const SESSIONS = ['main', '東京への旅', 'trip 🧳', 'café', 'cafe\u0301', '👨‍👩‍👧 home'];

test('columns stay aligned when cells hold wide characters, emoji and combining marks', () => {
  const lines = formatTable([['SESSION', 'STATUS'], ...SESSIONS.map((session) => [session, 'active'])]);
  const columns = lines.map((line) => stringWidth(line.slice(0, line.search(/STATUS|active/))));
  expect(new Set(columns)).toEqual(new Set([12]));
  expect(lines).toContain('東京への旅  active');
  expect(lines).toContain('main        active');
});

test('the statuses of listed sessions are in one column, whatever the sessions are called', () => {
  const records = SESSIONS.map((id) => ({ ...snapshot(0, null), id }) as unknown as SessionRecord);
  const [heading = '', ...lines] = formatTable(sessionRows(records, { terminal: false }));
  expect(heading.indexOf('STATUS')).toBe(12);
  expect(lines.map((line) => stringWidth(line.slice(0, line.indexOf('active'))))).toEqual(SESSIONS.map(() => 12));
});

test('the last cell of a row is not padded', () => {
  expect(
    formatTable([
      ['a', 'b'],
      ['long', 'longer'],
    ]),
  ).toEqual(['a     b', 'long  longer']);
});

test.each([4, 5, 6, 7, 12])('a text fitted to %i columns takes as many, and is cut between characters', (width) => {
  for (const session of SESSIONS) {
    const fitted = fitWidth(session, width);
    expect([session, stringWidth(fitted)]).toEqual([session, width]);
    expect(fitted.isWellFormed()).toBe(true);
  }
  expect(fitWidth('東京への旅', 4)).toBe('東… ');
});

test('with a maximum width the widest columns are cut, and lines fit', () => {
  const rows = [
    ['SESSION', 'STATUS', 'AGENT'],
    ['a-session-with-a-very-long-name-that-does-not-fit', 'active', 'assistant'],
    ['東京への旅東京への旅東京への旅東京への旅東京への旅', 'active', 'assistant'],
  ];
  const lines = formatTable(rows, 40);
  for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(40);
  expect(lines[1]).toBe('a-session-with-a-ver…  active  assistant');
  expect(formatTable(rows, 100)).toEqual(formatTable(rows));
});

test('a table that cannot fit is as narrow as its columns allow', () => {
  expect(formatTable([['1234567890', '1234567890', 'ab']], 5)).toEqual(['12345…  12345…  ab']);
});
