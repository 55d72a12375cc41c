import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { toolState } from '../../../activities/tools/tool-state.ts';
import { defineTool, type Tool } from '../../../agents/define-tool.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { createInProcessLive } from '../../../live/in-process.ts';
import type { Db } from '../../../store/db/db.ts';
import { getOrCreateSession } from '../../../store/sessions/get-or-create-session.ts';
import { openMemoryStore } from '../../support/store/memory-store.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { patchSession } from '../../../store/sessions/patch-session.ts';
import { NO_COMMITS } from '../../support/no-commits.ts';
import { toolContext } from '../../support/tool-context.ts';

let db: Db;
beforeAll(async () => {
  db = await openMemoryStore();
});
afterAll(() => db.close());

const stateSchema = z.strictObject({
  visits: z.number().int().default(0),
  city: z.string().trim().optional(),
  seen: z.array(z.string()).max(3).optional(),
});

const weather = defineTool({
  name: 'weather',
  description: 'Tells the weather.',
  parameters: z.object({ city: z.string() }),
  stateSchema,
  async execute({ city }, { state }) {
    const { visits } = await state.read();
    expectTypeOf(visits).toEqualTypeOf<number>();
    expectTypeOf(state.merge).parameter(0).not.toExtend<{ vists: number }>();
    await state.merge((now) => ({ visits: now.visits + 1, city, seen: null }));
    return { before: visits };
  },
});

async function opened(): Promise<SessionKey> {
  const key = { user: 'ada', session: crypto.randomUUID() };
  await getOrCreateSession(db, key, { agent: 'assistant', kind: 'session', execution: null });
  return key;
}
const live = createInProcessLive();
const contextOf = (key: SessionKey, tool: Tool) => toolContext(toolState({ db, live, commits: NO_COMMITS }, key, tool));
const stateOf = async (key: SessionKey) => (await readSession(db, key))?.state;

test('a tool reads its state as its schema gives it, and writes it under its own name', async () => {
  const key = await opened();
  expect(await weather.execute({ city: 'Rome' }, contextOf(key, weather))).toEqual({ before: 0 });
  expect(await weather.execute({ city: ' Pisa ' }, contextOf(key, weather))).toEqual({ before: 1 });
  // Kept as it was written; the schema trims on reading.
  expect(await stateOf(key)).toEqual({ weather: { visits: 2, city: ' Pisa ' } });
  expect(await contextOf(key, weather).state.read()).toEqual({ visits: 2, city: 'Pisa' });
});

test('tools that name the same namespace share it, and others can be read', async () => {
  const key = await opened();
  const forecast = defineTool({ ...options('forecast'), namespace: 'weather' });
  const other = defineTool(options('other'));
  await contextOf(key, forecast).state.merge({ visits: 7 });
  expect(await contextOf(key, weather).state.read()).toEqual({ visits: 7 });
  await patchSession(db, key, { state: { app: { plan: 'gold' } } });
  const { state } = contextOf(key, other);
  expect(await state.read()).toEqual({});
  expect(await state.read('weather')).toEqual({ visits: 7 });
  expect(await state.read('app')).toEqual({ plan: 'gold' });
  expect(await state.read('absent')).toEqual({});
  await state.merge({ mine: true });
  expect(await stateOf(key)).toEqual({ app: { plan: 'gold' }, other: { mine: true }, weather: { visits: 7 } });
});

test('a write that the schema does not accept is refused with the field and its value, and changes nothing', async () => {
  const key = await opened();
  const { state } = contextOf(key, weather);
  await state.merge({ visits: 1, seen: ['a'] });
  for (const [patch, message] of [
    [
      { visits: 'many' },
      'The state "weather" would not match the stateSchema of the tool "weather": visits: expected number, got "many".',
    ],
    [{ vists: 2 }, 'vists: unknown field; did you mean "visits"?'],
    [{ seen: ['a', 'b', 'c', 'd'] }, 'seen:'],
    [[], 'must be an object'],
    [() => undefined, 'must be an object'],
  ] as const) {
    const refused = state.merge(patch as unknown as Parameters<typeof state.merge>[0]);
    await expect(refused).rejects.toMatchObject({ name: 'ToolError', retryable: false });
    await expect(refused).rejects.toThrow(message);
  }
  expect(await stateOf(key)).toEqual({ weather: { visits: 1, seen: ['a'] } });
});

test('a state that somebody else spoilt is told of on reading, and can be mended', async () => {
  const key = await opened();
  await patchSession(db, key, { state: { weather: { visits: 'x' } } });
  const { state } = contextOf(key, weather);
  await expect(state.read()).rejects.toThrow(
    'The state "weather" does not match the stateSchema of the tool "weather": visits: ',
  );
  await expect(state.merge(() => ({ visits: 1 }))).rejects.toThrow('visits: ');
  await state.merge({ visits: 1 });
  expect(await state.read()).toEqual({ visits: 1 });
});

test('a write that changes nothing is no event', async () => {
  const key = await opened();
  const { state } = contextOf(key, weather);
  await state.merge({ visits: 1 });
  const before = (await readSession(db, key))?.head;
  await state.merge({ visits: 1, city: undefined });
  await state.merge(() => ({}));
  expect((await readSession(db, key))?.head).toBe(before);
});

function options(name: string) {
  return { name, description: 'A tool.', parameters: z.object({}), execute: () => null };
}
