import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { dayOf } from '../../core/money/utc-period.ts';
import { readPeriods } from '../../store/budgets/read-periods.ts';
import type { Db } from '../../store/db/db.ts';
import { openStore } from '../../store/open-store.ts';
import { readEvents } from '../../store/read/read-events.ts';
import { readRun } from '../../store/read/read-run.ts';
import { readSession } from '../../store/read/read-session.ts';
import { archiveSession } from '../../store/sessions/archive-session.ts';
import { cannotRunHere } from '../support/cannot-run-here.ts';
import { startPostgres, type PostgresServer } from '../support/store/postgres-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { beginModel, converse, newKey, replyTo, send } from './conversation.ts';
import { commitStep } from '../../store/steps/commit-step.ts';

// The ways to back up and restore a store that docs/restoring.md describes.

const run = promisify(execFile);

interface Stored {
  readonly key: SessionKey;
  readonly archived: SessionKey;
  readonly openRun: string;
  /** Everything that is read of them. */
  readonly read: object;
}

async function readAll(db: Db, { key, archived, openRun }: Omit<Stored, 'read'>): Promise<object> {
  return {
    session: await readSession(db, key),
    events: await readEvents(db, key, { after: 0, limit: 100 }),
    run: await readRun(db, key, openRun),
    archived: await readSession(db, archived),
    spent: await readPeriods(db, key.user, dayOf(new Date().toISOString())),
  };
}

/** A session with an answer and a run in progress, and an archived one. */
async function store(db: Db): Promise<Stored> {
  const [key, archived] = [newKey('ada'), newKey('ada')];
  await converse(db, key, 'm1', 'hällo \u{1f600}');
  await converse(db, archived, 'm1');
  await archiveSession(db, archived);
  const { runId: openRun } = await send(db, key, { id: 'm2', content: 'and then?' });
  await beginModel(db, key, openRun);
  const sessions = { key, archived, openRun };
  return { ...sessions, read: await readAll(db, sessions) };
}

/** Checks that a restored store lacks what came `after`, and that its sessions go on. */
async function expectGoesOn(db: Db, { key, archived, openRun }: Stored, after: SessionKey): Promise<void> {
  expect(await readSession(db, after)).toBeNull();
  const position = await beginModel(db, key, openRun);
  expect(position).toMatchObject({ step: 1, attempt: 2 });
  expect(await commitStep(db, key, replyTo(openRun, position))).toMatchObject({ outcome: 'committed', ended: true });
  await converse(db, archived, 'm2');
  expect(await readSession(db, archived)).toMatchObject({ status: 'active', messages: 2 });
  await converse(db, after, 'm1');
}

async function startServer(): Promise<PostgresServer> {
  const server = await startPostgres();
  onTestFinished(() => server.stop());
  return server;
}

async function opened(databaseUrl: string): Promise<Db> {
  const db = await openStore({ databaseUrl, poolSize: 2 });
  onTestFinished(() => db.close());
  return db;
}

test('a dump of a running PostgreSQL is restored into an empty database', async ({ skip }) => {
  const server = await startServer();
  const program = (name: string) => join(server.source, name);
  if (!existsSync(program('pg_dump'))) return cannotRunHere(skip, `${server.source} has no pg_dump`);
  const db = await opened(server.url);
  const stored = await store(db);
  const dump = join(await temporaryFolder(), 'perdure.dump');
  await run(program('pg_dump'), ['--format=custom', `--file=${dump}`, server.url]);
  const after = newKey('ada');
  await converse(db, after, 'm1');
  const restored = new URL(server.url);
  restored.pathname = 'restored';
  await run(program('createdb'), ['--maintenance-db', server.url, 'restored']);
  await run(program('pg_restore'), ['--exit-on-error', `--dbname=${restored.href}`, dump]);
  const again = await opened(restored.href);
  expect(await readAll(again, stored)).toEqual(stored.read);
  await expectGoesOn(again, stored, after);
}, 120_000);

test('a base backup of a running PostgreSQL is a server with the same store', async ({ skip }) => {
  const server = await startServer();
  if (server.backUp === null) return cannotRunHere(skip, `${server.source} has no pg_basebackup`);
  const db = await opened(server.url);
  const stored = await store(db);
  const startCopy = await server.backUp();
  const after = newKey('ada');
  await converse(db, after, 'm1');
  const copy = await startCopy();
  onTestFinished(() => copy.stop());
  const again = await opened(copy.url);
  expect(await readAll(again, stored)).toEqual(stored.read);
  await expectGoesOn(again, stored, after);
}, 120_000);

test('the folder of an embedded store is copied while the store is closed, and put back', async () => {
  const [dataDir, backup] = [await temporaryFolder(), await temporaryFolder()];
  let db = await openStore({ dataDir });
  const stored = await store(db);
  await db.close();
  await cp(join(dataDir, 'store'), join(backup, 'store'), { recursive: true });
  db = await openStore({ dataDir });
  const after = newKey('ada');
  await converse(db, after, 'm1');
  await db.close();
  await rm(join(dataDir, 'store'), { recursive: true });
  await cp(join(backup, 'store'), join(dataDir, 'store'), { recursive: true });
  db = await openStore({ dataDir });
  try {
    expect(await readAll(db, stored)).toEqual(stored.read);
    await expectGoesOn(db, stored, after);
  } finally {
    await db.close();
  }
}, 120_000);
