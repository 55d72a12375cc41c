import { expect, onTestFinished, test } from 'vitest';
import type { PerdureError } from '../../../../contracts/errors.ts';
import { eraseAttachments } from '../../../../store/admin/erasure/erase-attachments.ts';
import { eraseMemories } from '../../../../store/admin/erasure/erase-memories.ts';
import { countUserRows, eraseRows } from '../../../../store/admin/erasure/erase-rows.ts';
import { eraseSessions } from '../../../../store/admin/erasure/erase-sessions.ts';
import {
  beginErasure,
  countErased,
  countExecutions,
  endErasure,
  listOpenErasures,
  readErasure,
  recordErasure,
} from '../../../../store/admin/erasure/erasures.ts';
import { savePause } from '../../../../store/admin/pauses/pauses.ts';
import { FILE_TABLES, KEPT_TABLES, userTables } from '../../../../store/admin/erasure/user-tables.ts';
import type { Db } from '../../../../store/db/db.ts';
import { DATABASES, describeStores, openTestDatabase } from '../../../support/store/databases.ts';
import { tablesWith } from '../../../support/store/all-rows.ts';
import { converse, newKey, send } from '../../conversation.ts';

const CANARY = 'canary-7d1c';
const never = new AbortController().signal;

/** Tables that take no trigger, because their rows are only written under the row of a session, or with a row of another table. */
const UNGUARDED: readonly string[] = [
  'events, runs, steps, tool_calls, waits, model_calls, context_calls, inbox, recorded_counts',
  'imported_agent_versions, archives, children, child_runs, attachment_references',
  'provider_places, provider_tickets, provider_turns, attachment_chunks, memory_words',
  'attachment_removals, archive_removals',
  'audit, erasures, sweep_actions, kept_conversations, batches, batch_items',
].flatMap((names) => names.split(', '));

/** Every text, JSON and byte column of a table without a user, and why no user is in it; or what erases it. */
const NAMELESS: Readonly<Record<string, string>> = {
  agent_releases: 'of agents',
  agent_versions: 'of agents',
  attachment_key_prefix: 'random',
  audit_anchors: 'hashes',
  audit_head: 'a hash',
  embeddings: 'those that no memory of another user needs are erased with the memories',
  erased_executions: 'random ids, deleted at the end of the erasure',
  leases: 'positions in lists, which are erased',
  migrations: 'names of files',
  pauses: 'that of the user is erased; who has set one is an operator',
  providers: 'of providers',
  secrets: 'random',
  workers: 'of processes',
};

async function eraseAll(db: Db, user: string, id: string): Promise<void> {
  for (const erase of [eraseSessions, eraseAttachments, eraseMemories, eraseRows]) await erase(db, { id, user }, never);
}

/** A value of the type that contains the canary where it can. */
function valueOf(type: string, user: string): string {
  if (type === 'text') return `'${CANARY} ' || gen_random_uuid()`;
  if (type === 'json' || type === 'jsonb') return `json_build_object('user', '${user}', 'word', '${CANARY}')::${type}`;
  if (type === 'bytea') return `convert_to('${CANARY} ' || gen_random_uuid(), 'UTF8')`;
  if (type === 'tsvector') return `to_tsvector('simple', '${CANARY}')`;
  if (type === 'boolean') return 'true';
  if (type === 'date') return 'current_date';
  if (type.startsWith('timestamp')) return 'now()';
  if (type === 'ARRAY') return 'NULL';
  return '1';
}

/** A row in every table with a user, whatever its constraints demand otherwise. */
async function fillTables(db: Db, users: readonly string[], tables: readonly string[]): Promise<void> {
  const constraints = await db.query<{ table: string; name: string }>(
    `SELECT conrelid::regclass::text AS table, conname AS name FROM pg_constraint
      WHERE connamespace = 'perdure'::regnamespace AND contype IN ('c', 'f')`,
  );
  for (const { table, name } of constraints) await db.query(`ALTER TABLE ${table} DROP CONSTRAINT "${name}"`);
  for (const table of tables) {
    const columns = await db.query<{ name: string; type: string }>(
      `SELECT column_name AS name, data_type AS type FROM information_schema.columns
        WHERE table_schema = 'perdure' AND table_name = $1 AND is_generated = 'NEVER'`,
      [table],
    );
    for (const user of users) {
      const values = columns.map(({ name, type }) => (name === 'user_id' ? `'${user}'` : valueOf(type, user)));
      const names = columns.map(({ name }) => `"${name}"`);
      await db.query(`INSERT INTO perdure."${table}" (${names.join(', ')}) VALUES (${values.join(', ')})`);
    }
  }
}

test('a row in any table with a user is erased, those of another user stay, and a new table cannot be forgotten', async () => {
  const database = await openTestDatabase('pglite');
  onTestFinished(() => database.close());
  const { db } = database;
  // As a later migration would.
  await db.query('CREATE TABLE perdure.later_things (user_id text COLLATE "C" NOT NULL, word text NOT NULL)');
  const tables = await userTables(db);
  expect(tables).toContain('later_things');
  await fillTables(db, ['ada', 'bob'], tables);
  // Contents in a place are deleted there first: another test has a place.
  for (const table of FILE_TABLES) await db.query(`DELETE FROM perdure.${table}`);
  await db.query('UPDATE perdure.archives SET data = $1', [Buffer.from('x').toString('hex')]);
  await db.query(
    `INSERT INTO perdure.leases VALUES ('upkeep', 'one', now(), '{"lostAfter": ["ada", "trip"], "retentionSeconds": 7}')`,
  );
  for (const user of ['ada', 'bob']) {
    await savePause(db, { kind: 'user', name: user, refuse: true, stop: false, reason: null, by: 'olga' });
  }
  const { id } = await beginErasure(db, 'ada');

  await eraseAll(db, 'ada', id);

  expect(await countUserRows(db, 'ada')).toEqual({});
  const ofBob = tables.filter((name) => !FILE_TABLES.includes(name)).map((name) => `rows.${name}`);
  expect(Object.keys(await countUserRows(db, 'bob')).toSorted()).toEqual(
    [...ofBob, 'rows.pauses', 'rows.positions'].toSorted(),
  );
  expect(await db.query('SELECT state FROM perdure.leases')).toEqual([{ state: { retentionSeconds: 7 } }]);
  await endErasure(db, id);
  expect(await tablesWith(db, '"ada"')).toEqual({});
}, 120_000);

test('a table that names users in a column of another name cannot be forgotten either', async () => {
  const database = await openTestDatabase('pglite');
  onTestFinished(() => database.close());
  const { db } = database;
  const named = [...(await userTables(db)), ...KEPT_TABLES];
  const tables = await db.query<{ name: string }>(
    `SELECT DISTINCT c.table_name AS name FROM information_schema.columns c
       JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
      WHERE c.table_schema = 'perdure' AND t.table_type = 'BASE TABLE'
        AND c.data_type NOT IN ('boolean', 'integer', 'bigint', 'double precision', 'timestamp with time zone', 'date')`,
  );
  const others = tables.map(({ name }) => name).filter((name) => !named.includes(name));
  // A new one needs a reason here, or its rows are erased by the user in activities/erasure.
  expect(others.toSorted()).toEqual(Object.keys(NAMELESS).toSorted());
}, 60_000);

test('whatever adds something of a user without a session is refused by the store itself', async () => {
  const database = await openTestDatabase('pglite');
  onTestFinished(() => database.close());
  const { db } = database;
  const guarded = await db.query<{ name: string }>(
    `SELECT DISTINCT event_object_table AS name FROM information_schema.triggers WHERE trigger_name = 'erasure_in_progress'`,
  );
  const tables = [...(await userTables(db)), ...KEPT_TABLES].filter((name) => !UNGUARDED.includes(name));
  expect(guarded.map(({ name }) => name).toSorted()).toEqual(tables.toSorted());
}, 60_000);

describeStores(DATABASES, (db) => {
  test('nothing is accepted of the user while the erasure is in progress, neither for a new session nor for one there is, and afterwards the user is new', async () => {
    const user = `o'dd "ada"% ${newKey().session}`;
    const [known, other] = [newKey(user), newKey()];
    await converse(db(), known, 'm1', CANARY);
    const erasure = await beginErasure(db(), user);
    expect(erasure).toMatchObject({ user, step: null, endedAt: null, counts: {} });
    expect(await beginErasure(db(), user)).toMatchObject({ id: erasure.id });
    expect(await listOpenErasures(db(), 10)).toContain(erasure.id);

    for (const key of [known, newKey(user)]) {
      const sent = send(db(), key, { id: 'm2', content: 'again' });
      await expect(sent).rejects.toMatchObject({ code: 'erasure_in_progress' } satisfies Partial<PerdureError>);
    }
    await converse(db(), other, 'm1');

    await eraseAll(db(), user, erasure.id);
    const before = (await readErasure(db(), erasure.id))?.counts ?? {};
    expect(before).toMatchObject({ 'rows.sessions': 1, 'rows.messages': 1, 'rows.runs': 1 });
    await recordErasure(db(), erasure.id, { step: 'verify' });
    await countErased(db(), erasure.id, { 'rows.runs': 1, 'rows.steps': 0, 'files.archives': 2 });
    // Found twice, by two attempts.
    await countExecutions(db(), erasure.id, ['one', 'two']);
    await countExecutions(db(), erasure.id, ['two', 'three', 'three']);
    await endErasure(db(), erasure.id);

    expect(await readErasure(db(), erasure.id)).toMatchObject({
      user: null,
      step: null,
      endedAt: expect.any(String),
      counts: { ...before, 'rows.runs': 2, 'files.archives': 2, 'temporal.executions': 3 },
    });
    expect(await tablesWith(db(), CANARY)).toEqual({});
    await converse(db(), known, 'm1', 'hello');
  });

  test('the sums of the deployment stay the same, under nobody', async () => {
    const key = newKey(`ada-${newKey().session}`);
    await converse(db(), key, 'm1');
    const sums = `SELECT sum(calls)::float8 AS calls, sum(input_tokens)::float8 AS tokens FROM perdure.usage_days`;
    const before = await db().query(sums);
    const { id } = await beginErasure(db(), key.user);
    await eraseAll(db(), key.user, id);
    await endErasure(db(), id);
    expect(await db().query(sums)).toEqual(before);
    expect(await db().query(`SELECT 1 FROM perdure.usage_days WHERE user_id = $1`, [key.user])).toEqual([]);
  });

  test('a message that is admitted while the erasure begins is either refused or erased', async () => {
    for (let round = 0; round < 10; round += 1) {
      const user = `ada-${newKey().session}`;
      const sent = Array.from({ length: 4 }, () => send(db(), newKey(user), { id: 'm1', content: CANARY }));
      const [begun] = await Promise.allSettled([beginErasure(db(), user), ...sent]);
      if (begun.status === 'rejected') throw begun.reason;
      await eraseAll(db(), user, begun.value.id);
      expect(await countUserRows(db(), user)).toEqual({});
      await endErasure(db(), begun.value.id);
    }
  });
});
