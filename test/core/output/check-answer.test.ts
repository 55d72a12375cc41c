import { expect, test } from 'vitest';
import type { JsonObject } from '../../../contracts/json.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { schemaViolations } from '../../../admission/schema-violations.ts';
import { checkAnswer } from '../../../core/output/check-answer.ts';

const SCHEMA: JsonObject = {
  type: 'object',
  properties: {
    city: { type: 'string', minLength: 2 },
    streets: { type: 'array', items: { $ref: '#/$defs/street' } },
  },
  required: ['city'],
  additionalProperties: false,
  $defs: { street: { type: 'object', properties: { no: { type: 'integer' } }, required: ['no'] } },
};

const check = (text: string, { schema = SCHEMA, repairs = 0, finish = 'stop' as const } = {}) =>
  checkAnswer({ text, finish }, repairs, (value) => schemaViolations(value, schema));
const rejectedOf = (checked: ReturnType<typeof check>) => ('rejected' in checked ? checked.rejected : undefined);

test.each([
  ['as it is', '{"city":"Paris","streets":[{"no":1}]}'],
  ['with space around it', '\n {"city":"Paris","streets":[{"no":1}]} \n'],
  ['in a fence', '```json\n{"city":"Paris","streets":[{"no":1}]}\n```'],
  ['in a fence without a language', '```\n{"city":"Paris","streets":[{"no":1}]}\n```\n'],
])('JSON that matches the schema is the object, %s', (_how, text) => {
  expect(check(text)).toEqual({ object: { city: 'Paris', streets: [{ no: 1 }] } });
});

test('what does not match is reported with every place, and what to do', () => {
  const { feedback } = rejectedOf(check('{"city":"P","streets":[{"no":1},{"no":"x"},{}],"toString":1}')) ?? {};
  expect(feedback?.split('\n')).toEqual([
    'Your answer does not match the required JSON Schema:',
    '- /city: String is too short (1 < 2).',
    '- /streets/1/no: Instance type "string" is invalid. Expected "integer".',
    '- /streets/2: Instance does not have required property "no".',
    '- /toString: This property or item is not allowed.',
    'Reply with the whole corrected answer: one JSON object that matches the schema, and nothing else.',
  ]);
});

test.each([
  ['text', 'Here it is: {"city":"Paris"}', 'is not valid JSON'],
  ['nothing', '', 'is not valid JSON'],
  ['another type', '[1]', 'Expected "object"'],
  ['a key of the prototype', '{"city":"Paris","__proto__":{"a":1}}', '__proto__'],
  ['10,000 levels', `{"city":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 'more than 100 levels'],
  ['10 MB', JSON.stringify({ city: 'x'.repeat(10_000_000) }), 'the limit is 524288'],
  ['too many values', `{"city":[${'0,'.repeat(60_000)}0]}`, 'more than 50000 values'],
])('%s is rejected and can be repaired', (_what, text, problem) => {
  const rejected = rejectedOf(check(text));
  expect(rejected?.feedback).toContain(problem);
  expect(rejected?.feedback.length).toBeLessThan(LIMITS.outputFeedbackCharacters.value + 300);
  expect(rejected?.repair).toBe(1);
});

test('an answer that was cut off is reported as such', () => {
  const checked = checkAnswer({ text: '{"city":"Par', finish: 'length' }, 0, () => []);
  expect(rejectedOf(checked)?.feedback).toContain('cut off at the limit of output tokens');
});

test('two repairs follow, and no third', () => {
  expect([0, 1, 2].map((repairs) => rejectedOf(check('no', { repairs }))?.repair)).toEqual([1, 2, null]);
});

test('a refusal is not repaired', () => {
  expect(rejectedOf(checkAnswer({ text: 'No.', finish: 'refusal' }, 0, () => []))?.repair).toBeNull();
});

test('the number of problems that are shown is bounded, and so is their length', () => {
  const streets = Array.from({ length: 300 }, () => ({}));
  const { feedback = '' } = rejectedOf(check(JSON.stringify({ city: 'Paris', streets }))) ?? {};
  expect(feedback).toContain('and 280 more problems');
  const long: JsonObject = { type: 'object', properties: { a: { enum: ['x'.repeat(20_000)] } } };
  const cut = rejectedOf(check('{"a":1}', { schema: long }))?.feedback ?? '';
  expect(cut.length).toBeLessThan(LIMITS.outputFeedbackCharacters.value + 300);
});

test.each<[string, JsonObject, string]>([
  [
    'a pattern without end',
    { type: 'object', properties: { a: { pattern: '^(a+)+$' } } },
    `{"a":"${'a'.repeat(60)}!"}`,
  ],
  [
    'a schema that doubles with every level',
    {
      type: 'object',
      properties: { a: { $ref: '#/$defs/d0' } },
      $defs: Object.fromEntries(
        Array.from({ length: 40 }, (_, n) => {
          const next = { $ref: `#/$defs/d${n + 1}` };
          return [`d${n}`, n === 39 ? { type: 'string' } : { anyOf: [{ allOf: [next] }, { allOf: [next] }] }];
        }),
      ),
    },
    '{"a":1}',
  ],
  [
    'a reference that no check of schemas has seen, and that ends nowhere',
    { type: 'object', properties: { a: { $ref: '#/properties/a' } } },
    '{"a":1}',
  ],
  ['a reference to another document', { type: 'object', $ref: 'https://example.com/a.json' }, '{}'],
])('%s ends the check, and the answer is not repaired', (_what, schema, text) => {
  const rejected = rejectedOf(check(text, { schema }));
  expect(rejected).toMatchObject({ repair: null });
  expect(rejected?.feedback).toContain('could not be checked');
});

test('a schema is left as it was', () => {
  const frozen = Object.freeze({ ...SCHEMA });
  check('{"city":"Paris"}', { schema: frozen });
  expect(Object.getOwnPropertyNames(frozen)).toEqual(Object.keys(SCHEMA));
});
