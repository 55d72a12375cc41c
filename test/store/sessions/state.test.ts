import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { eventSchema } from '../../../contracts/events/event.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { migrate } from '../../../store/migrate.ts';
import { getOrCreateSession } from '../../../store/sessions/get-or-create-session.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { patchSession } from '../../../store/sessions/patch-session.ts';
import { DATABASES, describeStores, openTestDatabase } from '../../support/store/databases.ts';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { newKey } from '../conversation.ts';

const OPEN = { agent: 'assistant', kind: 'session', execution: null } as const;
const { stateBytes, stateNamespaceBytes } = LIMITS;

describeStores(DATABASES, (db) => {
  const opened = async (): Promise<SessionKey> => {
    const key = newKey();
    await getOrCreateSession(db(), key, OPEN);
    return key;
  };
  const stateOf = async (key: SessionKey) => (await readSession(db(), key))?.state;

  test('each namespace is merged by itself, and the event says which have changed', async () => {
    const key = await opened();
    await patchSession(db(), key, { state: { app: { a: 1 }, weather: { at: 'Rome' } } });
    const { events } = await patchSession(db(), key, { state: { app: { a: 1 }, weather: { at: null, to: 'Pisa' } } });
    expect(events).toMatchObject([{ state: { weather: { at: null, to: 'Pisa' } }, namespaces: ['weather'] }]);
    expect(events[0]).not.toHaveProperty('state.app');
    expect(await stateOf(key)).toEqual({ app: { a: 1 }, weather: { to: 'Pisa' } });
    const removed = await patchSession(db(), key, { state: { weather: null } });
    expect(removed.events).toMatchObject([{ state: { weather: null }, namespaces: ['weather'] }]);
    expect(await stateOf(key)).toEqual({ app: { a: 1 } });
    for (const event of (await readEvents(db(), key, { after: 0, limit: 9 })).events) eventSchema.parse(event);
  });

  test('a change of metadata names no namespace', async () => {
    const { events } = await patchSession(db(), await opened(), { metadata: { a: 1 }, state: { app: {} } });
    expect(events[0]).not.toHaveProperty('namespaces');
    expect(events[0]).not.toHaveProperty('state');
  });

  test('writes at once to the keys of one namespace are all kept, and a function sees those before it', async () => {
    const key = await opened();
    const writes = Array.from({ length: 40 }, (_, n) => n);
    await Promise.all(
      writes.map((n) =>
        n % 2 === 0
          ? patchSession(db(), key, { state: { app: { [`key${n}`]: n } } })
          : patchSession(db(), key, ({ app }) => ({
              state: { app: { [`key${n}`]: n, count: Number(app?.['count'] ?? 0) + 1 } },
            })),
      ),
    );
    expect(await stateOf(key)).toEqual({
      app: { count: 20, ...Object.fromEntries(writes.map((n) => [`key${n}`, n])) },
    });
  });

  test('what a function throws leaves all as it was', async () => {
    const key = await opened();
    const refused = patchSession(db(), key, () => {
      throw new Error('not so');
    });
    await expect(refused).rejects.toThrow('not so');
    expect(await readSession(db(), key)).toMatchObject({ head: 1, state: {} });
    await patchSession(db(), key, { state: { app: { a: 1 } } });
  });

  test('one namespace has a limit, and all of them together', async () => {
    const key = await opened();
    const update = (name: string, bytes: number) =>
      patchSession(db(), key, { state: { [name]: { a: 'x'.repeat(bytes) } } });
    await expect(update('app', stateNamespaceBytes.value)).rejects.toMatchObject({
      code: 'too_large',
      message: expect.stringMatching(/^The namespace "app" of the state would have \d+ bytes as JSON; the limit is/),
    });
    await update('app', 100_000);
    await update('weather', 100_000);
    await expect(update('orders', 100_000)).rejects.toMatchObject({
      code: 'too_large',
      message: expect.stringContaining(`The state would have 300`),
    });
    expect(Object.keys((await stateOf(key)) ?? {})).toEqual(['app', 'weather']);
  });

  test('a namespace that is too large already may shrink, and not grow', async () => {
    const key = await opened();
    const large = { app: { a: 'x'.repeat(stateNamespaceBytes.value), b: 'x'.repeat(60_000), n: 1 } };
    await db().query(`UPDATE perdure.sessions SET state = $2 WHERE session_id = $1`, [
      key.session,
      JSON.stringify(large),
    ]);
    await patchSession(db(), key, { state: { app: { n: 2 } } });
    await expect(patchSession(db(), key, { state: { app: { n: 10 } } })).rejects.toMatchObject({ code: 'too_large' });
    await patchSession(db(), key, { state: { app: { b: null } } });
    expect(await stateOf(key)).toEqual({ app: { a: large.app.a, n: 2 } });
    expect(stateBytes.value).toBeGreaterThan(stateNamespaceBytes.value);
  });

  test('the state of an older export comes into the namespace app; a newer one is taken as it is', async () => {
    const key = await opened();
    await patchSession(db(), key, { state: { weather: { at: 'Rome' } } });
    const document = await exportOf(db(), key);
    expect(document.version).toBe(2);
    const imported = async (change: object, state: object) => {
      const there = newKey();
      await importDocument(db(), there, {
        ...document,
        ...change,
        session: { ...document.session, state: { ...state } },
      });
      return await stateOf(there);
    };
    expect(await imported({}, document.session.state)).toEqual({ weather: { at: 'Rome' } });
    expect(await imported({ version: 1 }, { n: 1, weather: { at: 'Rome' } })).toEqual({
      app: { n: 1, weather: { at: 'Rome' } },
    });
    expect(await imported({ version: 1 }, {})).toEqual({});
    await expect(imported({}, { n: 1 })).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('its state is not an object of namespaces'),
    });
  });
});

test.each(DATABASES)('a state from before namespaces is in app after the migration (%s)', async (kind) => {
  const database = await openTestDatabase(kind);
  onTestFinished(() => database.close());
  const { db } = database;
  const [flat, empty] = [newKey(), newKey()];
  for (const key of [flat, empty]) await getOrCreateSession(db, key, OPEN);
  await db.query(`UPDATE perdure.sessions SET state = $2 WHERE session_id = $1`, [
    flat.session,
    '{"weather": {"at": "Rome"}, "n": 1}',
  ]);
  await db.query(`DELETE FROM perdure.migrations WHERE name = '0008-namespaces.sql'`);
  await migrate(db);
  await migrate(db);
  expect((await readSession(db, flat))?.state).toEqual({ app: { weather: { at: 'Rome' }, n: 1 } });
  expect((await readSession(db, empty))?.state).toEqual({});
});

test('a new migration has a number of its own', () => {
  const numbers = globSync('*/*.sql', { cwd: join(import.meta.dirname, '../../../store/migrations') }).map((path) =>
    basename(path).slice(0, 4),
  );
  const shared = numbers.filter((number, index) => numbers.indexOf(number) !== index);
  // Databases record applied migrations by file name, so the names must not change.
  expect(shared.filter((number) => !['0005', '0006'].includes(number))).toEqual([]);
});
