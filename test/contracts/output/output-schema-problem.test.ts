import { expect, test } from 'vitest';
import { z } from 'zod';
import { agentSpecSchema } from '../../../contracts/agent.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { outputSchemaProblem } from '../../../contracts/output/output-schema-problem.ts';
import { jsonSchemaOf } from '../../../contracts/output/zod-output.ts';
import { messageInputSchema } from '../../../contracts/session/message.ts';

const of = (a: unknown, more: object = {}) => ({ type: 'object', properties: { a }, ...more });
const nested = (levels: number): object => (levels === 0 ? {} : { not: nested(levels - 1) });

const Node: z.ZodType = z.object({
  name: z.string(),
  get children() {
    return z.array(Node);
  },
});

test.each<[string, unknown]>([
  ['an object of scalars', of({ type: ['string', 'null'], pattern: '^a+$' })],
  ['references to definitions', of({ $ref: '#/$defs/b' }, { $defs: { b: { type: 'string' } } })],
  ['a reference with escapes', of({ $ref: '#/$defs/b~1c%20d' }, { $defs: { 'b/c d': true } })],
  ['recursion through properties', of({ $ref: '#' })],
  ['recursion through items', of({ type: 'array', items: { anyOf: [{ $ref: '#/properties/a' }, { type: 'null' }] } })],
  ['what zod makes of a recursive object', jsonSchemaOf(Node)],
  ['a property called like a keyword', of({}, { properties: { $ref: { type: 'string' }, id: {}, __proto: {} } })],
  ['unknown keywords, which are annotations', of({ 'x-order': 1, examples: [1] })],
])('%s is a schema of an answer', (_what, schema) => {
  expect(outputSchemaProblem(schema)).toBeNull();
});

test.each<[string, unknown, string, string]>([
  ['no object', [], '', 'must be a JSON Schema'],
  ['another type', { type: 'array', items: {} }, 'type', 'put other values into a property of an object'],
  ['no type', {}, 'type', 'must be "object"'],
  ['too many bytes', of({ description: 'é'.repeat(LIMITS.outputSchemaBytes.value / 2) }), '', 'the limit is 32768'],
  ['too deep', of(nested(70)), '', 'more than 64 levels'],
  [
    'as deep as no stack',
    JSON.parse(`{"type":"object","not":${'['.repeat(50_000)}${']'.repeat(50_000)}}`),
    '',
    'levels',
  ],
  ['a remote reference', of({ $ref: 'https://example.com/a.json' }), 'properties.a.$ref', '"#/$defs/…"'],
  ['a reference to a file', of({ $ref: 'file:///etc/passwd' }), 'properties.a.$ref', '"#/$defs/…"'],
  ['a reference to nothing', of({ $ref: '#/$defs/b' }), 'properties.a.$ref', 'refers to no schema'],
  ['a malformed reference', of({ $ref: '#/%' }), 'properties.a.$ref', 'refers to no schema'],
  ['a reference to itself', of({ $ref: '#/properties/a' }), 'properties.a', 'refers back to itself'],
  [
    'a cycle of references',
    of({ $ref: '#/$defs/b' }, { $defs: { b: { allOf: [{ $ref: '#/$defs/c' }] }, c: { not: { $ref: '#/$defs/b' } } } }),
    '$defs.b',
    'refers back to itself',
  ],
  ['an identifier', of({ $id: 'https://example.com' }), 'properties.a.$id', 'remove it'],
  ['an anchor', of({ $dynamicRef: '#a' }), 'properties.a.$dynamicRef', 'use "$ref"'],
  ['an unknown type', of({ type: 'strnig' }), 'properties.a.type', 'must be one of object, array, string'],
  ['a broken pattern', of({ pattern: '(' }), 'properties.a.pattern', 'regular expression'],
  ['a broken pattern of names', { type: 'object', patternProperties: { '(': {} } }, 'patternProperties', 'regular'],
  ['a list of items', of({ items: [{}] }), 'properties.a.items', '"prefixItems"'],
  ['a word for required', of({ required: 'a' }), 'properties.a.required', 'list of strings'],
  ['an empty union', of({ anyOf: [] }), 'properties.a.anyOf', 'list of schemas'],
  ['a name of the validator', of({ __absolute_ref__: 'x' }), 'properties.a.__absolute_ref__', 'remove it'],
  ['a key of the prototype', JSON.parse('{"type":"object","__proto__":{}}'), '', '"__proto__"'],
])('%s is none, and the problem states where and what to do', (_what, schema, path, message) => {
  const problem = outputSchemaProblem(schema);
  expect(problem?.path.join('.')).toBe(path);
  expect(problem?.message).toContain(message);
});

test('a chain of a thousand references is followed without a stack', () => {
  const $defs = Object.fromEntries(
    Array.from({ length: 1_000 }, (_, n) => [`d${n}`, n === 999 ? { type: 'null' } : { $ref: `#/$defs/d${n + 1}` }]),
  );
  expect(outputSchemaProblem(of({ $ref: '#/$defs/d0' }, { $defs }))).toBeNull();
});

test('agents and messages have the same kind of output', () => {
  const output = { schema: of({ type: 'string' }) };
  expect(agentSpecSchema.parse({ name: 'a', output }).output).toEqual(output);
  expect(messageInputSchema.parse({ content: 'a', output }).output).toEqual(output);
  const [issue] =
    messageInputSchema.safeParse({ content: 'a', output: { schema: of({ type: 1 }) } }).error?.issues ?? [];
  expect(issue?.path).toEqual(['output', 'schema', 'properties', 'a', 'type']);
});
