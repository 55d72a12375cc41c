import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { executeTool } from '../../../activities/tools/execute-tool.ts';
import { toolState } from '../../../activities/tools/tool-state.ts';
import { loadTemplates } from '../../../agents/templates/load-templates.ts';
import type { Json } from '../../../contracts/json.ts';
import { createInProcessLive } from '../../../live/in-process.ts';
import { getOrCreateSession } from '../../../store/sessions/get-or-create-session.ts';
import { openMemoryStore } from '../../support/store/memory-store.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { NO_COMMITS } from '../../support/no-commits.ts';
import { toolContext } from '../../support/tool-context.ts';

const registry = await loadTemplates(fileURLToPath(new URL('../../../examples/agents', import.meta.url)));

test('the agents that ship with the project load, and each has tools', () => {
  expect(registry.list().map(({ name }) => name)).toEqual(['assistant', 'researcher', 'tutor']);
  expect(registry.defaultAgent).toBe('assistant');
  for (const { name } of registry.list()) expect(registry.agent(name)?.tools).not.toEqual([]);
});

test('the tutor keeps the score in the state of the session', async () => {
  const tool = registry.tool('note_answer')!;
  const db = await openMemoryStore();
  onTestFinished(() => db.close());
  const key = { user: 'ada', session: 'maths' };
  await getOrCreateSession(db, key, { agent: 'tutor', kind: 'session', execution: null });
  const context = toolContext(toolState({ db, live: createInProcessLive(), commits: NO_COMMITS }, key, tool));
  await tool.execute({ right: true }, context);
  expect(await tool.execute({ right: false }, context)).toEqual({ asked: 2, right: 1 });
  expect((await readSession(db, key))?.state).toEqual({ score: { asked: 2, right: 1 } });
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
