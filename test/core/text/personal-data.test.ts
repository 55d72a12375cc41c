import { array, assert, constantFrom, property } from 'fast-check';
import { expect, test } from 'vitest';
import { PERSONAL_DATA_KINDS, redactText } from '../../../core/text/personal-data.ts';

test.each([
  ['Write to ann.lee+x@mail.example.co.uk, please.', 'Write to [email], please.'],
  ['My card is 4111 1111 1111 1111.', 'My card is [card].'],
  ['4111-1111-1111-1111 and 5500000000000004', '[card] and [card]'],
  ['IBAN DE89 3704 0044 0532 0130 00 and GB82WEST12345698765432', 'IBAN [iban] and [iban]'],
  ['SSN 123-45-6789', 'SSN [us-ssn]'],
  ['From 192.168.10.254 today', 'From [ip] today'],
  ['Call +49 (0)30 1234-5678 or +1 415 555 2671', 'Call [phone] or [phone]'],
  ['Call 030 12345678 or (415) 555-2671', 'Call [phone] or [phone]'],
  ['müller@bücher.example', '[email]'],
])('%j is redacted', (text, redacted) => {
  expect(redactText(text, PERSONAL_DATA_KINDS)).toBe(redacted);
});

test.each([
  'The card 4111 1111 1111 1112 has a wrong check digit.',
  'Version 1.2.3.4.5, and 999.1.1.1',
  'On 2026-11-27 at 14:30, 1 234 567 people, 3.14159, 0.5 % and 100-200.',
  'user@localhost and @name',
  'Room 0815',
])('%j has none', (text) => {
  expect(redactText(text, PERSONAL_DATA_KINDS)).toBe(text);
});

test('codes are found beside other groups of their characters', () => {
  const text = 'Order 1 4111 1111 1111 1111 12, IBAN AB DE89 3704 0044 0532 0130 00 FOR ANN';
  expect(redactText(text, PERSONAL_DATA_KINDS)).toBe('Order 1 [card] 12, IBAN AB [iban] FOR ANN');
  expect(redactText('DE89 3704 0044 0532 0130 01 has wrong check digits.', ['iban'])).toContain('DE89');
});

test('only the given kinds are redacted', () => {
  expect(redactText('a@b.example, 123-45-6789', ['us-ssn'])).toBe('a@b.example, [us-ssn]');
});

test('a redacted text has nothing left to redact', () => {
  const pieces = constantFrom(
    'a@b.example',
    '4111 1111 1111 1111',
    '+1 415 555 2671',
    '10.0.0.1',
    ' ',
    '-',
    '1',
    'x',
    '\n',
  );
  assert(
    property(array(pieces, { maxLength: 30 }), (parts) => {
      const once = redactText(parts.join(' '), PERSONAL_DATA_KINDS);
      expect(redactText(once, PERSONAL_DATA_KINDS)).toBe(once);
    }),
  );
});
