import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { executeTool } from '../../src/activities/execute-tool.ts';
import { loadTemplates } from '../../src/agents/load-templates.ts';
import type { Json } from '../../src/contracts/json.ts';
import { toolContext } from '../support/tool-context.ts';

const registry = await loadTemplates(fileURLToPath(new URL('../../agents', import.meta.url)));

test('the agents that ship with the project load, and each has tools', () => {
  expect(registry.list().map(({ name }) => name)).toEqual(['assistant', 'researcher', 'tutor']);
  expect(registry.defaultAgent).toBe('assistant');
  for (const { name } of registry.list()) expect(registry.agent(name)?.tools).not.toEqual([]);
});

test("the tutor's exercises are right, shown as they are made, and the same for the same key", async () => {
  const tool = registry.tool('make_exercises')!;
  const make = async (idempotencyKey: string) => {
    const shown: Json[] = [];
    const context = toolContext({ idempotencyKey, progress: (progress) => shown.push(progress) });
    const args = { operation: '*', count: 3, upTo: 12 };
    const outcome = await executeTool({ tool, args, context, signal: new AbortController().signal });
    return { outcome, shown };
  };
  const { outcome, shown } = await make('k-1');
  expect(shown).toEqual([1, 2, 3].map((made) => ({ made, of: 3 })));
  const exercises = outcome.status === 'completed' ? (outcome.result as { exercise: string; answer: number }[]) : [];
  expect(exercises).toHaveLength(3);
  for (const { exercise, answer } of exercises) {
    const [a = Number.NaN, b = Number.NaN] = exercise.split(' * ').map(Number);
    expect(answer).toBe(a * b);
  }
  expect((await make('k-1')).outcome).toEqual(outcome);
  expect((await make('k-2')).outcome).not.toEqual(outcome);
});
