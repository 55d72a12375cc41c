import { expect, test } from 'vitest';
import { contentTypeOf } from '../../../core/attachments/content-type.ts';
import { PDF, PNG } from '../../support/files.ts';

const ZIP = Buffer.concat([Buffer.from('PK\x03\x04\x14\x00\x00\x00\x08\x00', 'latin1'), Buffer.alloc(60)]);

test.each([
  ['an image that is sent as text', PNG, { name: 'notes.txt', contentType: 'text/plain' }, 'image/png'],
  ['a PDF without a name', PDF, { name: 'attachment' }, 'application/pdf'],
  ['an archive that is sent as text', ZIP, { name: 'bomb.txt', contentType: 'text/plain' }, 'application/zip'],
  ['a text that is sent as an image', Buffer.from('hello'), { name: 'a.png', contentType: 'image/png' }, 'text/plain'],
  ['a text with a stated type', Buffer.from('a,b'), { name: 'x', contentType: 'Text/CSV; charset=utf-8' }, 'text/csv'],
  ['a text with a known extension', Buffer.from('# Hi'), { name: 'README.md' }, 'text/markdown'],
  ['a log with colours', Buffer.from('\u001b[31mred\u001b[0m\n'), { name: 'log' }, 'text/plain'],
  ['an XML text', Buffer.from('<?xml version="1.0"?><a/>'), { name: 'x' }, 'application/xml'],
  ['an SVG image', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), { name: 'a.svg' }, 'image/svg+xml'],
  [
    'a text with NUL',
    Buffer.from('a\u0000b'),
    { name: 'a.txt', contentType: 'text/plain' },
    'application/octet-stream',
  ],
  ['what is no UTF-8', Buffer.from([0xe9, 0xe8, 0x20]), { name: 'a.txt' }, 'application/octet-stream'],
  ['nothing', Buffer.alloc(0), { name: 'empty' }, 'text/plain'],
])('the content determines the type of %s', async (_what, bytes, hints, expected) => {
  expect(await contentTypeOf(bytes, hints)).toBe(expected);
});

test('a text is a text where its sample ends within a character', async () => {
  const text = Buffer.from(`${'a'.repeat(4_099)}€${'b'.repeat(100)}`);
  expect(await contentTypeOf(text, { name: 'a' })).toBe('text/plain');
});
