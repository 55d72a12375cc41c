import { expect, test } from 'vitest';
import { builtinTools } from '../../../agents/builtin-tools.ts';
import { forget, recall, remember } from '../../../agents/tools/memory.ts';
import type { Memory } from '../../../contracts/capabilities/memory.ts';
import { PerdureError } from '../../../contracts/errors.ts';
import { toolContext } from '../../support/tool-context.ts';

const memory: Memory = {
  id: 'm1',
  content: 'Likes tea',
  source: { session: 'main', run: 'run-1', message: null },
  createdAt: '2026-11-01T00:00:00.000Z',
  replaces: null,
};
const { memories } = toolContext();

test('the three tools are built in, idempotent, and run in place', () => {
  const tools = builtinTools({}).filter(({ name }) => ['remember', 'recall', 'forget'].includes(name));

  expect(tools.map(({ idempotent, timeoutMs }) => idempotent && timeoutMs <= 10_000)).toEqual([true, true, true]);
});

test('the model gets the ids by which it can correct and forget', async () => {
  const found = { ...memory, score: 1, by: ['text' as const] };
  const search = { mode: 'text', reason: 'no_embeddings', pending: false } as const;
  const context = toolContext({ memories: { ...memories, search: async () => ({ data: [found], search }) } });

  expect(await recall.execute({ query: 'tea', limit: 5 }, context)).toEqual({
    memories: [{ id: 'm1', content: 'Likes tea', createdAt: memory.createdAt }],
    search: 'by words only',
  });
});

test('a memory to replace that does not exist is an error that is not retried', async () => {
  const missing = new PerdureError('not_found', 'There is no memory "m9".');
  const context = toolContext({ memories: { ...memories, remember: () => Promise.reject(missing) } });

  await expect(remember.execute({ content: 'Likes tea', replaces: 'm9' }, context)).rejects.toMatchObject({
    name: 'ToolError',
    message: 'There is no memory "m9".',
    retryable: false,
  });
});

test('a second attempt to forget finds nothing, and is no error', async () => {
  expect(await forget.execute({ id: 'm1' }, toolContext())).toEqual({ forgotten: false });
});

test('a fact that is too long is refused before anything is remembered', () => {
  expect(remember.parameters.safeParse({ content: 'é'.repeat(5_000) }).success).toBe(false);
});
