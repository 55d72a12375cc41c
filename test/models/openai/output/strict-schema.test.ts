import { expect, test } from 'vitest';
import type { JsonObject } from '../../../../contracts/json.ts';
import { strictSchema } from '../../../../models/openai/output/strict-schema.ts';

const inner = { type: 'object', properties: { b: { type: 'string' } }, required: ['b'] };
const of = (a: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: 'object',
  properties: { a },
  required: ['a'],
  ...more,
});
const closed = { ...inner, additionalProperties: false };

test.each<[string, JsonObject, JsonObject]>([
  ['properties', of(inner), of(closed)],
  ['items', of({ type: 'array', items: inner }), of({ type: 'array', items: closed })],
  ['options', of({ anyOf: [inner, { type: 'null' }] }), of({ anyOf: [closed, { type: 'null' }] })],
  [
    'definitions',
    of({ $ref: '#/$defs/i' }, { $defs: { i: inner } }),
    of({ $ref: '#/$defs/i' }, { $defs: { i: closed } }),
  ],
])('objects in %s are closed for strict mode', (_where, schema, expected) => {
  expect(strictSchema(schema)).toEqual({ schema: { ...expected, additionalProperties: false }, strict: true });
});

test.each<[string, JsonObject]>([
  ['an optional property', { type: 'object', properties: { a: {} } }],
  ['further properties that are allowed', of({}, { additionalProperties: { type: 'string' } })],
  ['an optional property further in', of({ type: 'array', items: { type: 'object', properties: { b: {} } } })],
  ['a keyword that strict mode refuses', of({ type: 'string', minLength: 1 })],
  ['an object without properties', { type: 'object' }],
  ['a schema that is true', of({}, { properties: { a: true } })],
])('a schema with %s is sent as it is', (_what, schema) => {
  expect(strictSchema(schema)).toEqual({ schema, strict: false });
});
