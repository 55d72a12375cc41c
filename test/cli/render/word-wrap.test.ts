import { styleText } from 'node:util';
import * as fc from 'fast-check';
import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { LINE_START, wrapEnd, wrapPiece, wrapText } from '../../../cli/render/word-wrap.ts';

/** A text as it appears when it arrives in pieces. */
function stream(pieces: readonly string[], width: number): string {
  let state = LINE_START;
  let shown = '';
  for (const piece of pieces) {
    const wrapped = wrapPiece(state, piece, width);
    state = wrapped.state;
    shown += wrapped.text;
  }
  return shown + wrapEnd(state, width);
}

test.each<[string, string, string]>([
  ['between words', 'one two three four', 'one two\nthree four'],
  ['never within a word that fits on a line', 'a bcdefghijk', 'a\nbcdefghijk'],
  ['never within a URL', 'see https://example.org/a/b now', 'see\nhttps://example.org/a/b now'],
  ['with the line breaks of the text', 'one\n\ntwo three four', 'one\n\ntwo three\nfour'],
  ['at the exact width', 'abcde fghij kl', 'abcde\nfghij kl'],
  ['below the text of a list item', '- one two three\n12. four five', '- one two\n  three\n12. four\n    five'],
  ['below an indented text', '  one two three', '  one two\n  three'],
  ['by the width of characters', '日本語 ab cd', '日本語 ab\ncd'],
  ['between characters of a script without spaces', '日本語日本語。日本', '日本語日本\n語。日本'],
  ['with no closing mark at the start of a line', '一二三四五。', '一二三四\n五。'],
  ['with an emoji as one character', '👩‍👩‍👧 👩‍👩‍👧 👩‍👩‍👧 👩‍👩‍👧', '👩‍👩‍👧 👩‍👩‍👧 👩‍👩‍👧\n👩‍👩‍👧'],
])('wraps %s', (_how, text, wrapped) => {
  expect(wrapText(text, 10)).toBe(wrapped);
});

test('does not wrap code and tables', () => {
  const code = '```js\nconst answer = 42; // forty-two\n  ```\n';
  const table = '| one | two | three |\n';
  expect(wrapText(`${code}${table}one two three`, 10)).toBe(`${code}${table}one two\nthree`);
  expect(wrapText('~~~\n``` is not the end of it\n~~~\none two three', 10)).toBe(
    '~~~\n``` is not the end of it\n~~~\none two\nthree',
  );
});

function bold(text: string): string {
  return styleText('bold', text, { validateStream: false });
}

test('a style takes no columns, and a text without a width is unchanged', () => {
  expect(wrapText(`one ${bold('two')} three`, 13)).toBe(`one ${bold('two')} three`);
  expect(wrapText(bold('> one two three'), 10)).toBe(bold('> one two\n  three'));
  expect(wrapText('one two three', undefined)).toBe('one two three');
});

test('holds back no more than the last word, and nothing of a word that is wider than a line', () => {
  expect(wrapPiece(LINE_START, 'one two thr', 10).text).toBe('one two');
  const wide = wrapPiece(LINE_START, 'a https://exam', 10);
  expect(wide.text).toBe('a\nhttps://exam');
  expect(wrapPiece(wide.state, 'ple.org/x and', 10).text).toBe('ple.org/x');
});

const text = fc
  .array(
    fc.constantFrom(
      'one',
      'two,',
      ' ',
      '  ',
      '\n',
      '日',
      '本',
      '。',
      '「',
      '- ',
      '1. ',
      '|',
      '```',
      '~',
      '\t',
      '👍🏽',
      '👩‍👧',
      'e\u0301',
      '\u0301',
      'abcdefghijklmnop',
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

test('the pieces in which a text arrives do not matter', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 4, max: 30 }), (whole, size, width) => {
      const pieces = whole.match(new RegExp(`[^]{1,${size}}`, 'gu')) ?? [];
      expect(stream(pieces, width)).toBe(wrapText(whole, width));
    }),
  );
});

test('nothing but spaces and line breaks is added or removed, and words fit within the width', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 4, max: 30 }), (whole, width) => {
      const wrapped = wrapText(whole, width);
      expect(wrapped.replaceAll(/\s/g, '')).toBe(whole.replaceAll(/\s/g, ''));
      const isBroken = (word: string): boolean => stringWidth(word) > width || /[|`~\t]/.test(word);
      if (whole.split(/[ \n]/).some(isBroken)) return;
      for (const line of wrapped.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(width);
    }),
  );
});
