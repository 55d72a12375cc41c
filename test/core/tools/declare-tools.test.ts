import { expect, test } from 'vitest';
import { z } from 'zod';
import { declareTools } from '../../../core/tools/declare-tools.ts';
import { typeOfSchema } from '../../../core/tools/type-of-schema.ts';

test('tools are declared as functions with their descriptions and types', () => {
  const parameters = z.toJSONSchema(
    z.object({ city: z.string().describe('Its name,\nin English.'), days: z.number().int().optional() }),
  );
  const declared = declareTools([
    { name: 'weather', description: 'The weather */ of a city.', parameters },
    { name: 'next-step', description: 'Next.', parameters: { type: 'object' } },
  ]);
  expect(declared).toBe(
    [
      'declare const tools: {',
      '  /** The weather * / of a city. */',
      '  weather(args: { /** Its name, in English. */ city: string; days?: number }): Promise<any>;',
      '  /** Next. */',
      '  "next-step"(args: Record<string, unknown>): Promise<any>;',
      '};',
    ].join('\n'),
  );
});

test.each<[unknown, string]>([
  [z.toJSONSchema(z.enum(['a', 'b'])), '"a" | "b"'],
  [z.toJSONSchema(z.array(z.union([z.string(), z.null()]))), '(string | null)[]'],
  [z.toJSONSchema(z.record(z.string(), z.number())), 'Record<string, number>'],
  [z.toJSONSchema(z.tuple([z.string(), z.boolean()])), '[string, boolean]'],
  [{ type: ['string', 'null'] }, 'string | null'],
  [
    {
      allOf: [{ type: 'object', properties: { a: { const: 1 } } }, { $ref: '#/$defs/b' }],
      $defs: { b: { type: 'object' } },
    },
    '{ a?: 1 } & Record<string, unknown>',
  ],
  [{ type: 'object', properties: { 'a b': { type: 'number' } }, required: ['a b'] }, '{ "a b": number }'],
  [
    { $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } } } }, $ref: '#/$defs/node' },
    '{ next?: unknown }',
  ],
  [{ $ref: 'https://example.com/schema.json' }, 'unknown'],
  [{ $ref: '#/__proto__' }, 'unknown'],
  [true, 'unknown'],
  [{ type: 'object', properties: 7, required: 'x' }, 'Record<string, unknown>'],
])('the type of %j is %s', (schema, type) => {
  expect(typeOfSchema(schema)).toBe(type);
});

test('a small schema whose references make a huge type is printed in part', () => {
  const $defs: Record<string, object> = { d0: { type: 'string' } };
  for (let level = 1; level <= 11; level++) {
    const ref = { $ref: `#/$defs/d${level - 1}` };
    $defs[`d${level}`] = { type: 'object', properties: { a: ref, b: ref, c: ref, d: ref } };
  }
  expect(typeOfSchema({ $ref: '#/$defs/d11', $defs }).length).toBeLessThan(50_000);
});

test('a schema that is nested too deeply ends as unknown', () => {
  let schema: object = { type: 'string' };
  for (let level = 0; level < 10_000; level++) schema = { type: 'array', items: schema };
  expect(typeOfSchema(schema)).toMatch(/^unknown(\[\])+$/);
});
