import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Client, Connection } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import { createPerdure } from '../../../client/create-perdure.ts';
import type { Db } from '../../../store/db/db.ts';
import { openStore } from '../../../store/open-store.ts';
import { contentHash, saveEmbeddings } from '../../../store/memory/embeddings.ts';
import { executionsWith, filesWith, foundIn, NAMES, redisDump, tablesOf } from '../../support/erasure/scans.ts';
import { CANARY, marked, markedModel, useEverything, USER } from '../../support/erasure/use-everything.ts';
import { startConversationServer } from '../../support/models/conversation-server.ts';
import { startStubModelServer } from '../../support/models/stub-model-server.ts';
import { startObjectStore } from '../../support/object-store.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { requiresRedis, startRedis } from '../../support/redis/redis-server.ts';
import { startPostgres } from '../../support/store/postgres-server.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const AGENTS = join(import.meta.dirname, '../../support/process/erasure-agents');
/** What tools start is the application's. */
const OWN_TYPES = ['neverRun'];
/** A vector of the text of a memory, as it is found in the bytes of a table. */
const VECTOR = [0.123_456, 0.654_321, 0.333_333];

/** Model servers, and the environment of processes that use them, with this block `attachments`. */
async function models(attachments: string) {
  const model = await startStubModelServer();
  onTestFinished(() => model.close());
  model.behave(markedModel);
  const keeper = await startConversationServer({ reply: () => ({ text: marked('kept answer') }) });
  onTestFinished(() => keeper.close());
  const folder = await temporaryFolder();
  const config = join(folder, 'perdure.yaml');
  await writeFile(
    config,
    `providers: { keeper: { baseUrl: '${keeper.baseUrl}', api: responses } }\nattachments: ${attachments}\n`,
  );
  const env = {
    PERDURE_AGENTS: AGENTS,
    PERDURE_CONFIG: config,
    PERDURE_MODEL: 'openai/stub-model',
    OPENAI_API_KEY: 'key',
    OPENAI_BASE_URL: model.baseUrl,
    PERDURE_ARCHIVES: join(folder, 'archives'),
    PERDURE_LOG: 'debug',
  };
  return { env, keeper, archives: env.PERDURE_ARCHIVES };
}

async function temporalAt(address: string): Promise<Client> {
  const connection = await Connection.connect({ address });
  onTestFinished(() => connection.close());
  return new Client({ connection });
}

/** Writes all tables anew, so that their files have nothing but the rows that there are. */
async function vacuum(db: Db): Promise<void> {
  const tables = await db.query<{ name: string }>(
    `SELECT table_schema || '.' || quote_ident(table_name) AS name FROM information_schema.tables
      WHERE table_schema = 'perdure' AND table_type = 'BASE TABLE'`,
    [],
  );
  for (const { name } of tables) await db.query(`VACUUM FULL ${name}`);
  // PostgreSQL removes the files that were replaced with the next checkpoint.
  await db.query('CHECKPOINT');
}

test(
  'a user with something in every place of a deployment is erased from all of them',
  { timeout: 240_000 },
  async (context) => {
    requiresRedis(context.skip);
    const server = await startPostgres();
    onTestFinished(() => server.stop());
    const [redis, bucket, temporal] = await Promise.all([startRedis(), startObjectStore(), privateTemporal()]);
    onTestFinished(() => redis.stop());
    onTestFinished(() => bucket.close());
    onTestFinished(() => temporal.stop());
    const { env, keeper, archives } = await models(
      `{ store: s3, s3: { bucket: ${bucket.bucket}, endpoint: '${bucket.endpoint}' } }`,
    );
    const home = perdureHome({
      ...env,
      DATABASE_URL: server.url,
      REDIS_URL: redis.url,
      TEMPORAL_ADDRESS: temporal.address,
      AWS_ACCESS_KEY_ID: 'id',
      AWS_SECRET_ACCESS_KEY: 'secret',
    });
    const [gateway, worker] = await Promise.all([home.start('gateway'), home.start('worker')]);
    const db = await openStore({ databaseUrl: server.url });
    onTestFinished(() => db.close());
    const client = await temporalAt(temporal.address);
    const { perdure } = await useEverything(gateway.url, temporal.address);
    const [remembered] = (await perdure.memories.list()).data;
    const embedded = { id: remembered?.id ?? '', hash: contentHash(marked('memory')), embedding: VECTOR };
    await saveEmbeddings(db, USER, 'stub/space', [embedded]);
    const other = createPerdure({ gateway: gateway.url, user: 'bob' });
    await other.session('trip').ask('I stay');
    // The partial text of the run in progress, and a context.
    await expect.poll(async () => foundIn(await redisDump(redis))).not.toEqual([]);

    // All of it is there to be found.
    const [{ data } = { data: '' }] = await db.query<{ data: string }>(
      `SELECT current_setting('data_directory') AS data`,
      [],
    );
    await db.query('CHECKPOINT', []);
    const before = await tablesOf(db);
    for (const table of [
      'events',
      'messages',
      'memories',
      'tool_calls',
      'context_calls',
      'inbox',
      'children',
      'archives',
    ]) {
      expect(before).toContain(table);
    }
    expect(filesWith(join(data, 'base')).length).toBeGreaterThan(0);
    expect([...bucket.objects.values()].filter(({ content }) => content.includes(CANARY))).not.toEqual([]);
    expect((await executionsWith(client)).length).toBeGreaterThan(5);
    const summarized = await db.query(`SELECT 1 FROM perdure.events WHERE type = 'context.summarized'`, []);
    expect(summarized.length).toBeGreaterThan(0);
    const kept = await db.query<{ id: string }>(
      `SELECT conversation_id AS id FROM perdure.kept_conversations UNION
    SELECT data -> 'providerConversation' ->> 'id' FROM perdure.events WHERE (data -> 'providerConversation') IS NOT NULL`,
      [],
    );
    expect(kept.length).toBeGreaterThan(1);

    const operator = createPerdure({ gateway: gateway.url, user: 'olga' });
    const report = await operator.erase(USER);
    expect(report).toMatchObject({ user: null, error: null, counts: { 'providers.conversations': kept.length } });
    expect(report.providerConversations).toBeUndefined();

    // PostgreSQL: its rows, its dump, its files.
    expect(await tablesOf(db)).toEqual(['audit']);
    const dump = execFileSync(join(server.source, 'pg_dump'), [server.url], { encoding: 'utf8', maxBuffer: 1e9 });
    expect(foundIn(dump, [CANARY])).toEqual([]);
    const vectors = await db.query('SELECT 1 FROM perdure.embeddings', []);
    expect(vectors).toEqual([]);
    await vacuum(db);
    expect(filesWith(join(data, 'base'))).toEqual([]);
    // Redis, the bucket, the archives.
    expect(foundIn(await redisDump(redis))).toEqual([]);
    expect([...bucket.objects.keys(), ...bucket.uploads.keys()]).toEqual([]);
    expect(filesWith(archives, '')).toEqual([]);
    // Providers were asked to delete what they keep.
    const deletions = keeper.others.filter((line) => line.startsWith('DELETE ')).toSorted();
    expect(deletions).toEqual(kept.map(({ id }) => `DELETE /responses/${id}`).toSorted());
    // Temporal: executions with their histories, and schedules.
    expect(await executionsWith(client, OWN_TYPES)).toEqual([]);
    for await (const schedule of client.schedule.list()) expect(foundIn(JSON.stringify(schedule))).toEqual([]);
    // Logs have no contents and no users, whatever is erased.
    expect(foundIn(gateway.output() + worker.output(), [CANARY, ...NAMES])).toEqual([]);
    // Another user keeps everything.
    expect((await other.session('trip').transcript()).length).toBe(2);
    // What stays: who has erased whom, and what operators did before.
    const audit = await db.query<{ action: string }>('SELECT DISTINCT action FROM perdure.audit WHERE user_id = $1', [
      USER,
    ]);
    expect(audit).toEqual([{ action: 'user.erase' }]);
    // And the user may come back, as a new one.
    expect((await perdure.list()).data).toEqual([]);
    expect((await perdure.session('busy').ask('hello')).text).toBe('Unmarked.');
  },
);

test(
  'a user with something in every place of a data folder is erased from all of it',
  { timeout: 240_000 },
  async () => {
    const attachments = join(await temporaryFolder(), 'attachments');
    const { env, keeper, archives } = await models(`{ store: folder, folder: ${attachments} }`);
    const home = perdureHome(env);
    const running = await home.start('start');
    const [, temporal = ''] = /^ +Temporal +(\S+)$/m.exec(running.output()) ?? [];
    await useEverything(running.url, temporal);
    expect(filesWith(archives, '')).toHaveLength(1);
    expect(filesWith(attachments)).not.toEqual([]);
    const report = await createPerdure({ gateway: running.url, user: 'olga' }).erase(USER);
    expect(report).toMatchObject({ user: null, error: null, counts: { 'files.archives': 1, 'rows.memories': 1 } });
    expect(report.providerConversations).toBeUndefined();
    const client = await temporalAt(temporal);
    expect(await executionsWith(client, OWN_TYPES)).toEqual([]);
    expect([...filesWith(archives, ''), ...filesWith(attachments, '')]).toEqual([]);
    expect(keeper.others.filter((line) => line.startsWith('DELETE ')).length).toBeGreaterThan(1);
    expect(foundIn(running.output(), [CANARY, ...NAMES])).toEqual([]);
    await running.stop();

    const db = await openStore({ dataDir: home.dataDir });
    try {
      expect(await tablesOf(db)).toEqual(['audit']);
      await vacuum(db);
    } finally {
      await db.close();
    }
    // Temporal's, too: SQLite does not overwrite what is deleted.
    const sqlite = new DatabaseSync(join(home.dataDir, 'temporal.db'), { enableDoubleQuotedStringLiterals: true });
    sqlite.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)');
    sqlite.close();
    const left = filesWith(home.dataDir).map((file) => file.slice(home.dataDir.length));
    expect(left.filter((file) => !file.includes('pg_wal'))).toEqual([]);
  },
);
