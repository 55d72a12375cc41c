import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Json } from '../../../contracts/json.ts';
import { readDefinition } from '../../../core/mcp/read-definition.ts';
import { secretRedactor } from '../../../core/mcp/redact-secrets.ts';

const TOOL = {
  name: 'act',
  description: 'Acts.',
  inputSchema: { type: 'object' },
  annotations: { readOnlyHint: true },
};

const hashOf = (given: Json): string | null => {
  const read = readDefinition(given);
  return 'hash' in read ? read.hash : null;
};

test('the hash of a definition changes with what the model or a person decides by, and with nothing else', () => {
  const hash = hashOf(TOOL);
  expect(hashOf({ ...TOOL, _meta: { seen: 2 }, inputSchema: { $schema: 'x', type: 'object' } })).toBe(hash);
  const changed: Json[] = [
    { ...TOOL, description: 'Acts at once.' },
    { ...TOOL, inputSchema: { type: 'object', required: ['a'] } },
    { ...TOOL, annotations: { readOnlyHint: false } },
    { ...TOOL, annotations: { readOnlyHint: true, destructiveHint: true } },
  ];
  expect(new Set([hash, ...changed.map(hashOf)]).size).toBe(changed.length + 1);
});

test('a title stands for a description, and the name for both', () => {
  expect(readDefinition({ ...TOOL, description: ' ', title: 'Act' })).toMatchObject({ description: 'Act' });
  const { description: _, ...bare } = TOOL;
  expect(readDefinition({ ...bare, annotations: { title: 'Do' } })).toMatchObject({ description: 'Do' });
  expect(readDefinition(bare)).toMatchObject({ description: 'act' });
});

test('whatever a server lists is read or left out with a reason', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (given) => {
      const read = readDefinition(given as Json);
      expect('hash' in read || read.reason !== '').toBe(true);
    }),
  );
});

test('secrets are replaced in texts at any depth, the longest first; short ones are left', () => {
  const redact = secretRedactor(['secret', 'secret-and-more', 'abc']);
  expect(redact({ a: ['x secret-and-more y', { b: 'secret secret abc' }], n: 1 })).toEqual({
    a: ['x [redacted] y', { b: '[redacted] [redacted] abc' }],
    n: 1,
  });
});
