import { expect, test } from 'vitest';
import { byteRange } from '../../../core/attachments/byte-range.ts';
import { parseDataUrl } from '../../../core/attachments/data-url.ts';

test.each([
  ['bytes=0-3', { start: 0, end: 4 }],
  ['bytes=4-', { start: 4, end: 10 }],
  ['bytes=-3', { start: 7, end: 10 }],
  ['bytes=-99', { start: 0, end: 10 }],
  ['bytes=8-99', { start: 8, end: 10 }],
  ['bytes=10-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=5-4', null],
  ['bytes=-', null],
  ['bytes=0-1,3-4', null],
  ['lines=0-1', null],
  [null, null],
])('of ten bytes, %s requests %o', (header, expected) => {
  expect(byteRange(header, 10)).toEqual(expected);
});

test.each([
  ['data:text/plain;charset=utf-8,a%20b', { contentType: 'text/plain', bytes: 'a b' }],
  ['data:image/png;base64,AAEC', { contentType: 'image/png', bytes: '\u0000\u0001\u0002' }],
  ['data:,x', { contentType: '', bytes: 'x' }],
])('%s is decoded', (url, { contentType, bytes }) => {
  expect(parseDataUrl(url)).toEqual({ contentType, bytes: Buffer.from(bytes) });
});

test.each([
  'data:image/png;base64,A?=',
  'data:text/plain',
  'https://example.com/a.png',
  'data:,%ZZ',
  'data:;base64,AAAAA',
])('%s is no data URL', (url) => expect(parseDataUrl(url)).toBeNull());
