import { expect, test } from 'vitest';
import { z } from 'zod';
import { describeIssues } from '../../../core/text/describe-issues.ts';
import { joinProblems, problemSentences } from '../../../core/text/field-problem.ts';

const schema = z.strictObject({
  name: z.string().regex(/^\w+$/, 'must be a word'),
  age: z.number().min(1).optional(),
  size: z.enum(['small', 'large']).optional(),
  kind: z.literal('user').optional(),
  home: z.strictObject({ city: z.string(), zip: z.string().optional() }).nullable().default(null),
  tags: z.array(z.strictObject({ label: z.string() })).optional(),
  rank: z.union([z.number(), z.array(z.number())]).optional(),
  notes: z.record(z.string().max(3), z.number()).optional(),
  pet: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('dog'), bark: z.boolean() }),
      z.strictObject({ type: z.literal('cat'), purr: z.boolean() }),
    ])
    .optional(),
});

function textOf(change: unknown, quoted = false): string {
  const input = typeof change === 'object' && change !== null ? { name: 'ann', ...change } : change;
  const { error } = schema.safeParse(input);
  const mayQuote = quoted || undefined;
  return joinProblems(describeIssues(error?.issues ?? [], { schema, input, mayQuote }));
}

test.each<[string, unknown, string]>([
  ['a missing field', { name: undefined }, 'name: missing, expected string'],
  ['a wrong type', { name: 7 }, 'name: expected string, got a number'],
  ['a list', { name: ['ann'] }, 'name: expected string, got a list'],
  ['null', { age: null }, 'age: expected number, got null'],
  ['a value out of range', { age: 0 }, 'age: expected number to be >=1'],
  ['a message of the schema', { name: 'ann b' }, 'name: must be a word'],
  ['a choice', { size: 'larg' }, 'size: expected one of "small", "large"'],
  ['a literal', { kind: 'root' }, 'kind: expected "user"'],
  ['a union', { rank: 'high' }, 'rank: expected number or array'],
  ['a value that is no object', 'ann', 'expected object, got a string'],
  ['no value', undefined, 'missing, expected object'],
  ['an item of a list', { tags: [{ label: 'a' }, { label: 1 }] }, 'tags[1].label: expected string, got a number'],
  ['an invalid name', { notes: { long: 1 } }, 'notes.long: invalid name: expected string to have <=3 characters'],
])('%s is described by field and kind, never by its value', (_what, change, text) => {
  expect(textOf(change)).toBe(text);
});

test.each<[string, unknown, string]>([
  ['at the top', { nmae: 'b' }, 'nmae: unknown field; did you mean "name"?'],
  ['inside wrappers', { home: { city: 'Rome', zpi: '1' } }, 'home.zpi: unknown field; did you mean "zip"?'],
  ['inside a list', { tags: [{ label: 'a', labell: 'b' }] }, 'tags[0].labell: unknown field; did you mean "label"?'],
  ['inside a union', { pet: { type: 'cat', purr: true, bork: 1 } }, 'pet.bork: unknown field; did you mean "bark"?'],
  ['far off', { home: { city: 'Rome', moon: 1 } }, 'home.moon: unknown field; known fields: city, zip'],
])('an unknown field %s is told with the closest known name, or with the known ones', (_where, change, text) => {
  expect(textOf(change)).toBe(text);
});

test('of a union, the problems of the only option with the type of the value are described', () => {
  const part = z.discriminatedUnion('type', [z.object({ type: z.literal('a') }), z.object({ type: z.literal('b') })]);
  const content = z.object({ content: z.union([z.string(), z.array(part)]) });
  const described = (input: unknown) =>
    joinProblems(describeIssues(content.safeParse(input).error?.issues ?? [], { schema: content, input }));
  expect(described({ content: [{ type: 'c' }] })).toBe('content[0].type: expected one of "a", "b"');
  expect(described({ content: 7 })).toBe('content: expected string or array');
});

test.each<[unknown, string]>([
  [{ name: 'a', approval: 'no' }, 'tool.approval: expected "yes"'],
  [{ name: 'a', aproval: 'yes' }, 'tool.aproval: unknown field; did you mean "approval"?'],
  [{ agent: 'a', budget: 'much' }, 'tool.budget: expected number, got a string'],
  [{ client: 7 }, 'tool.client: expected string, got a number'],
  [{ approval: 'yes' }, 'tool.name: missing, expected string'],
  [{}, 'tool: has none of the fields name, client, agent'],
  [7, 'tool: expected string or object'],
])(
  'of a union of objects, in a union too, the problems of the option whose fields fit %j best are described',
  (tool, text) => {
    const ref = z.union([
      z.string(),
      z.strictObject({ name: z.string(), approval: z.enum(['yes']).optional() }),
      z.strictObject({ client: z.string() }),
    ]);
    const inUnion = z.object({
      tool: z.union([
        ref,
        z.strictObject({ agent: z.string(), name: z.string().optional(), budget: z.number().optional() }),
      ]),
    });
    const { error } = inUnion.safeParse({ tool });
    expect(joinProblems(describeIssues(error?.issues ?? [], { schema: inUnion, input: { tool } }))).toBe(text);
  },
);

test.each<[string, unknown, string]>([
  ['a scalar', { age: 0 }, 'age: expected number to be >=1, got 0'],
  ['a choice', { size: 'larg' }, 'size: expected one of "small", "large", got "larg"; did you mean "large"?'],
  ['a message of the schema', { name: 'ann b' }, 'name: must be a word, got "ann b"'],
  ['a list, by its kind only', { name: ['secret'] }, 'name: expected string, got a list'],
])('%s is quoted where values may be', (_what, change, text) => {
  expect(textOf(change, true)).toBe(text);
});

test('values that may not be quoted are quoted at no path but those allowed', () => {
  const input = { name: 'my secret', size: 'huge' };
  const { error } = schema.safeParse(input);
  const problems = describeIssues(error?.issues ?? [], { schema, input, mayQuote: ([field]) => field !== 'name' });
  expect(joinProblems(problems)).toBe('name: must be a word; size: expected one of "small", "large", got "huge"');
});

test('fields, values and the number of problems are bounded', () => {
  const long = 'x'.repeat(10_000);
  expect(textOf({ name: `${long} ` }, true).length).toBeLessThan(100);
  expect(textOf({ [long]: 1 }).length).toBeLessThan(400);
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`${long}${at}`, at]));
  expect(textOf(many)).toMatch(/; and 45 more problems$/);
  expect(textOf(many).length).toBeLessThan(2_000);
});

test('as sentences, problems name their field in quotes, at most three of them', () => {
  const input = { name: 7, age: 'x', size: 1, kind: 2, more: 1 };
  const problems = describeIssues(schema.safeParse(input).error?.issues ?? [], { schema, input });
  const text = problemSentences(problems, 'body');
  expect(text).toMatch(/^The field "name" of the body is not valid: expected string, got a number\. The field "age" /);
  expect(text.match(/is not valid/g)).toHaveLength(3);
  expect(problemSentences(describeIssues(schema.safeParse(1).error?.issues ?? [], { schema, input: 1 }), 'body')).toBe(
    'The body is not valid: expected object, got a number.',
  );
});

test('a schema of another copy of zod is described as well', () => {
  const foreign = { _zod: { def: { type: 'object', shape: { city: {} } } } } as unknown as z.core.$ZodType;
  const issues: z.core.$ZodIssue[] = [{ code: 'unrecognized_keys', keys: ['citty'], path: [], message: '' }];
  expect(joinProblems(describeIssues(issues, { schema: foreign, input: { citty: 1 } }))).toBe(
    'citty: unknown field; did you mean "city"?',
  );
});
