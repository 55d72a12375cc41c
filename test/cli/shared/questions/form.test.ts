import { expect, test } from 'vitest';
import { formFields, parseForm } from '../../../../cli/shared/questions/form.ts';

const SCHEMA = {
  type: 'object',
  properties: {
    row: { type: 'integer', minimum: 1, maximum: 40 },
    window: { type: 'boolean' },
    meal: { type: 'string', enum: ['none', 'soup'] },
    note: { type: 'string' },
    extras: { type: 'array', items: { anyOf: [{ const: 'wifi', title: 'Wi-Fi' }, { const: 'bike' }] } },
  },
  required: ['row', 'window'],
};
const fieldsOf = (schema: object) => formFields(schema) ?? [];

test('the fields of a form say what they take, and which may be left out', () => {
  expect(fieldsOf(SCHEMA).map(({ name, takes, isRequired }) => [name, takes, isRequired])).toEqual([
    ['row', 'a whole number from 1 to 40', true],
    ['window', 'yes or no', true],
    ['meal', 'none | soup', false],
    ['note', 'text', false],
    ['extras', 'a list: wifi (Wi-Fi), bike', false],
  ]);
});

test('fields are typed with their names, and a comma in a text is part of it', () => {
  const fields = fieldsOf(SCHEMA);
  expect(parseForm(fields, 'row=3, window=Yes')).toEqual({ row: 3, window: true });
  expect(parseForm(fields, ' note=no, thanks, window=n,row=4')).toEqual({ note: 'no, thanks', window: false, row: 4 });
  expect(parseForm(fields, 'row=1, window=no, extras=wifi, bike')).toEqual({
    row: 1,
    window: false,
    extras: ['wifi', 'bike'],
  });
  expect(parseForm(fields, '{"row": 5}')).toEqual({ row: 5 });
});

test('of a form with one field, the value alone is the answer', () => {
  const fields = fieldsOf({ type: 'object', properties: { sure: { type: 'boolean' } }, required: ['sure'] });
  expect([parseForm(fields, 'yes'), parseForm(fields, 'sure=no')]).toEqual([{ sure: true }, { sure: false }]);
});

test.each([
  ['row=three, window=yes', 'the field row takes a whole number from 1 to 40'],
  ['row=3', 'the field window is missing: yes or no'],
  ['yes', 'type each field with its name, such as row=…, window=…'],
  ['{"row"', 'JSON'],
])('what is wrong with %j is said', (line, problem) => {
  expect(() => parseForm(fieldsOf(SCHEMA), line)).toThrow(SyntaxError);
  expect(() => parseForm(fieldsOf(SCHEMA), line)).toThrow(problem);
});

test('a schema with nested values is no form: its answer is typed as JSON', () => {
  expect(formFields({ type: 'object', properties: { seat: { type: 'object', properties: {} } } })).toBeNull();
  expect(formFields({ type: 'string' })).toBeNull();
});
