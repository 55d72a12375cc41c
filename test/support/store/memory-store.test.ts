import { expect, test } from 'vitest';
import type { Db } from '../../../store/db/db.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { newKey, send } from '../../store/conversation.ts';
import { openMemoryStore } from './memory-store.ts';

const migrations = (db: Db) => db.query('SELECT name, applied_at FROM perdure.migrations ORDER BY name');

test('stores in memory begin with a schema that was migrated once, and share no rows', async () => {
  const [one, other] = await Promise.all([openMemoryStore(), openMemoryStore()]);
  expect(await migrations(one)).toEqual(await migrations(other));
  const key = newKey();
  await send(one, key, { id: 'm1', content: 'hi' });
  expect(await readSession(one, key)).toMatchObject({ messages: 1 });
  expect(await readSession(other, key)).toBeNull();
  await Promise.all([one.close(), other.close()]);
});
