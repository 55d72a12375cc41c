import { expect, test } from 'vitest';
import { z } from 'zod';
import { jsonSchemaOf } from '../../../contracts/output/zod-output.ts';
import { sampleOf } from '../../../models/scripted/sample-object.ts';

const Node: z.ZodType = z.object({
  name: z.string().min(6),
  get next() {
    return z.union([z.null(), Node]);
  },
  get children() {
    return z.array(Node);
  },
});

test.each<[string, z.ZodType]>([
  ['scalars', z.object({ a: z.string(), b: z.int(), c: z.number().min(3), d: z.boolean(), e: z.null() })],
  ['choices', z.object({ a: z.enum(['x', 'y']), b: z.literal(7), c: z.union([z.string(), z.number()]) })],
  ['lists', z.object({ a: z.array(z.object({ b: z.string() })).min(2) })],
  ['recursion', Node],
  ['optional parts', z.object({ a: z.string().optional() })],
])('the sample of a schema with %s matches it', (_what, schema) => {
  expect(schema.safeParse(sampleOf(jsonSchemaOf(schema)))).toMatchObject({ success: true });
});
