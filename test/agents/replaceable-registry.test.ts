import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../agents/define-tool.ts';
import { createReplaceableRegistry } from '../../agents/replaceable-registry.ts';
import { registry } from '../support/stack.ts';

const toolOf = (description: string) =>
  defineTool({ name: 'dice', description, parameters: z.object({}), execute: () => description });
const registryOf = (description: string) => registry([{ name: 'gambler', tools: ['dice'] }], [toolOf(description)]);

test('the agents that it was given last are the current ones', () => {
  const agents = createReplaceableRegistry(registryOf('first'));
  const { hash } = agents.agent('gambler')!;
  agents.replaceWith(registry([{ name: 'tutor' }], []));
  expect(agents.list().map(({ name }) => name)).toEqual(['tutor']);
  expect(agents.agent('gambler')).toBeUndefined();
  expect(agents.tool('dice')).toBeUndefined();
  expect(agents.tool('dice', hash)?.description).toBe('first');
});

test('a tool is the one of the version that asks for it, and the current one for a version that was never loaded', () => {
  const agents = createReplaceableRegistry(registryOf('first'));
  const { hash: first } = agents.agent('gambler')!;
  agents.replaceWith(registryOf('second'));
  const { hash: second } = agents.agent('gambler')!;
  expect(second).not.toBe(first);
  expect(agents.tool('dice', first)?.description).toBe('first');
  expect(agents.tool('dice', second)?.description).toBe('second');
  expect(agents.tool('dice')?.description).toBe('second');
  expect(agents.tool('dice', 'from another process')?.description).toBe('second');
});

test('a version that is loaded again has the tools that it was loaded with last', () => {
  const [first, again] = [registryOf('same'), registryOf('same')];
  const agents = createReplaceableRegistry(first);
  agents.replaceWith(again);
  const { hash } = agents.agent('gambler')!;
  expect(agents.tool('dice', hash)).toBe(again.tool('dice'));
  expect(agents.tool('dice', hash)).not.toBe(first.tool('dice'));
});
