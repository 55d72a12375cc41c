import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../../agents/define-agent.ts';
import { defineMiddleware } from '../../../agents/middleware/define-middleware.ts';
import { guard } from '../../../agents/middleware/guard.ts';
import { loadTemplates, registerAgents } from '../../../agents/templates/load-templates.ts';
import { FACE, folderOf, problemsOf } from '../../support/template-files.ts';

const MASK = `import { defineMiddleware } from '${FACE}';
export const mask = defineMiddleware({ name: 'mask', model: (call, next) => next() });
`;

test('a template lists middleware by name, in order, with options, and its version pins them', async () => {
  const folder = await folderOf({
    'a.yaml': 'name: a\nmiddleware:\n  - mask\n  - guard: { rules: No insults. }\n',
    'b.yaml': 'name: b\nmiddleware: [mask]\n',
    'mask.ts': MASK,
  });
  const registry = await loadTemplates(folder);
  expect(registry.agent('a')?.spec.middleware).toEqual(['mask', { guard: { rules: 'No insults.' } }]);
  expect(registry.middleware?.('mask')?.model).toBeTypeOf('function');
  expect(registry.middleware?.('guard')).toBe(guard.definition);
  const other = await loadTemplates(
    await folderOf({ 'a.yaml': 'name: a\nmiddleware: [guard: { rules: Be kind. }]\n' }),
  );
  expect(other.agent('a')?.hash).not.toBe(registry.agent('a')?.hash);
});

test('in TypeScript an agent takes middleware as objects, and gives the same spec', () => {
  const own = defineMiddleware({ name: 'own', tool: (_, next) => next() });
  const agent = defineAgent({ name: 'a', middleware: [own, guard({ rules: 'No insults.' }), 'limitRepeatedCalls'] });
  expect(agent.spec.middleware).toEqual(['own', { guard: { rules: 'No insults.' } }, 'limitRepeatedCalls']);
  expect(defineAgent({ ...agent.spec, name: 'b' }).spec.middleware).toEqual(agent.spec.middleware);
  expect(registerAgents([agent]).middleware?.('own')).toBe(own.definition);
});

test('an agent without middleware has the version that it had before there was any', () => {
  const registry = registerAgents([defineAgent({ name: 'a' })]);
  expect(registry.agent('a')?.spec).toEqual({ name: 'a' });
});

test('a name that is unknown, and options that are wrong, are named with file, line and field', async () => {
  expect(
    await problemsOf({
      'a.yaml': 'name: a\nmiddleware:\n  - mast\n  - guard: { rule: No insults. }\n  - mask: {}\n',
      'b.yaml': 'name: b\nmiddleware: [mask, mask]\n',
      'mask.ts': MASK,
    }),
  ).toEqual([
    'b.yaml:2:20 middleware[1]: the middleware "mask" is listed twice; remove one',
    'a.yaml:3:5 middleware[0]: unknown middleware "mast"; did you mean "mask"?',
    expect.stringMatching(/^a\.yaml:4:\d+ middleware\[1\]\.guard\.rules: /) as string,
    'a.yaml:4:14 middleware[1].guard.rule: unknown field; did you mean "rules"?',
    'a.yaml:5:5 middleware[2].mask: the middleware "mask" takes no options',
  ]);
});

test.each([
  [{ name: 'a b', model: () => ({ text: '' }) }, 'name'],
  [{ name: 'a' }, 'define at least one of them'],
  [{ name: 'a', input: 'no' }, 'input: must be a function'],
  [{ name: 'a', input: () => undefined, timeoutMs: 0 }, 'timeoutMs'],
  [{ name: 'a', before: () => undefined, model: () => ({ text: '' }) }, 'before: unknown field'],
])('what is wrong with a definition is named: %#', (options, expected) => {
  expect(() => defineMiddleware(options as never)).toThrow(expected);
});

test('options are checked where middleware is called with them', () => {
  const limited = defineMiddleware({
    name: 'limited',
    optionsSchema: z.strictObject({ most: z.number().int() }),
    input: ({ options }) => (options.most > 1 ? undefined : { refuse: 'Too many.' }),
  });
  expect(limited({ most: 2 }).options).toEqual({ most: 2 });
  expect(() => limited({ most: 'two' } as never)).toThrow('The options of the middleware "limited" are not valid');
});
