import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { expect, onTestFinished, test } from 'vitest';
import { createPerdure, type Perdure } from '../../../client/create-perdure.ts';
import { ERASURE_STEPS, type Erasure } from '../../../contracts/admin/erasure.ts';
import { countUserRows } from '../../../store/admin/erasure/erase-rows.ts';
import type { Db } from '../../../store/db/db.ts';
import { openStore } from '../../../store/open-store.ts';
import { executionsWith, filesWith, tablesOf } from '../../support/erasure/scans.ts';
import { CANARY, marked, remove, USER } from '../../support/erasure/use-everything.ts';
import { freePort } from '../../support/mcp/free-port.ts';
import { perdureHome, type PerdureProcess } from '../../support/process/perdure-process.ts';
import { chooseSeed, seededRandom } from '../../support/seeded-random.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const { PendingActivityState } = proto.temporal.api.enums.v1;
/** Sessions with executions and files, and sessions of rows only, which make the steps long enough to be killed in. */
const [REAL, GENERATED] = [24, 3_000];
/** What a report counts of them, whatever is killed. What a worker has in progress is not the same before and after. */
const COUNTED = [
  'sessions',
  'messages',
  'events',
  'runs',
  'steps',
  'model_calls',
  'memories',
  'attachments',
  'archives',
];

interface Files {
  readonly env: Readonly<Record<string, string>>;
  readonly archives: string;
  readonly attachments: string;
}

async function files(): Promise<Files> {
  const folder = await temporaryFolder();
  const [archives, attachments, config] = ['archives', 'attachments', 'perdure.yaml'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  // The erasure is asked for its step without a pause, so that no moment is missed.
  const limits = 'limits: { requestsPerSecondPerUser: 100000 }';
  await writeFile(config, `attachments: { store: folder, folder: ${attachments} }\n${limits}\n`);
  return { env: { PERDURE_ARCHIVES: archives, PERDURE_CONFIG: config }, archives, attachments };
}

/** Sessions with conversations, a third of them archived in files, a third with attachments, and memories. */
async function use(perdure: Perdure, gateway: string): Promise<void> {
  for (let from = 0; from < REAL; from += 8) {
    await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const id = `real-${from + index}`;
        const session = perdure.session(id);
        await session.ask(marked('hello'));
        if (index % 3 === 0) await remove(gateway, id, '?archive=true');
        if (index % 3 === 1) {
          const file = await perdure.attachments.upload(marked(`file ${id}`), {
            name: 'a.txt',
            contentType: 'text/plain',
          });
          await session.ask([
            { type: 'text', text: marked('look') },
            { type: 'file', attachmentId: file.id },
          ]);
        }
        await perdure.memories.add(marked(`memory ${id}`));
      }),
    );
  }
}

async function generate(db: Db): Promise<void> {
  await db.query(
    `INSERT INTO perdure.sessions (user_id, session_id, kind, status, agent, metadata, state, policy, head, messages, runs,
       errors, last_ordinal, created_at, updated_at, last_active_at, opened_at)
     SELECT $1, 'generated-' || n, 'session', 'completed', 'assistant', '{}', '{}', '{}', 5, 1, 0, 0, 0, now(), now(), now(), now()
       FROM generate_series(1, $2::integer) n`,
    [USER, GENERATED],
  );
  await db.query(
    `INSERT INTO perdure.events (user_id, session_id, seq, type, at, data)
     SELECT user_id, session_id, n, 'session.updated', now(), json_build_object('word', $2::text)
       FROM perdure.sessions, generate_series(1, 5) n WHERE user_id = $1 AND session_id LIKE 'generated-%'`,
    [USER, CANARY],
  );
}

/**
 * Moments of an attempt: the first report at which this holds. Each attempt begins with the first step again. The first two are at its
 * beginning, because a fast machine may have ended before a later one.
 */
function moments(seed: number, kills: number): ((erasure: Erasure) => boolean)[] {
  const random = seededRandom(seed);
  const steps = ERASURE_STEPS.filter((step) => step !== 'stop');
  return Array.from({ length: kills }, (_, index) => {
    if (index < 2) return () => true;
    const at = Math.floor(random() * steps.length);
    // How many further reports to let pass: somewhere in the step, or in the next.
    let passes = Math.floor(random() * 4);
    return ({ step }) => steps.indexOf(step as (typeof steps)[number]) >= at && (passes -= 1) < 0;
  });
}

/**
 * Erases the user over HTTP, and kills the process that does it at `most` random moments; `restart` starts it again. Returns the report, how
 * often the process was killed before the erasure had ended, and the process of the end.
 */
async function eraseWithKills(
  gateway: string,
  first: PerdureProcess,
  restart: () => Promise<PerdureProcess>,
  { client, most }: { readonly client: Client; readonly most: number },
): Promise<{ readonly report: Erasure; readonly kills: number; readonly last: PerdureProcess }> {
  const operator = createPerdure({ gateway, user: 'olga' });
  const begun = Promise.withResolvers<string>();
  // It goes on following while there is no gateway.
  const erasing = operator.erase(USER, { onProgress: ({ id }) => begun.resolve(id) });
  const id = await begun.promise;
  let running = first;
  let kills = 0;
  for (const isReached of moments(chooseSeed('erasure'), most)) {
    for (let begins = false; ;) {
      const erasure = await operator.erasure(id);
      begins ||= (await attemptOf(client, id)) > kills;
      if (erasure.endedAt !== null) return { report: await erasing, kills, last: running };
      if (begins && isReached(erasure)) break;
    }
    await running.kill9();
    kills += 1;
    running = await restart();
  }
  return { report: await erasing, kills, last: running };
}

/** The attempt of the activity that is in progress, from 1; 0 while there is none. */
async function attemptOf(client: Client, erasureId: string): Promise<number> {
  try {
    const { raw } = await client.workflow.getHandle(`:erasure:${erasureId}`).describe();
    const [activity] = raw.pendingActivities ?? [];
    return activity?.state === PendingActivityState.PENDING_ACTIVITY_STATE_STARTED ? (activity.attempt ?? 0) : 0;
  } catch {
    // The server is being restarted.
    return 0;
  }
}

function expectWhole(
  { counts, error, user, endedAt }: Erasure,
  rows: Readonly<Record<string, number>>,
  executions: number,
): void {
  expect({ error, user, ended: endedAt !== null }).toEqual({ error: null, user: null, ended: true });
  const names = COUNTED.map((table) => `rows.${table}`);
  const only = (all: Readonly<Record<string, number>>) =>
    Object.fromEntries(names.map((name) => [name, all[name] ?? 0]));
  // Archives in files are counted as such.
  const expected = { ...only(rows), 'rows.archives': 0 };
  expect(only(counts)).toEqual(expected);
  expect(counts['rows.sessions']).toBe(REAL + GENERATED);
  expect(counts['files.archives']).toBe((REAL / 8) * 3);
  expect(counts['files.attachments']).toBe((REAL / 8) * 3);
  expect(counts['temporal.executions']).toBe(executions);
}

async function clientAt(address: string): Promise<Client> {
  const connection = await Connection.connect({ address });
  onTestFinished(() => connection.close());
  return new Client({ connection });
}

/** Resolves with how many executions of the user Temporal lists, once it lists those of all sessions. */
async function executionsOf(client: Client): Promise<number> {
  const count = async () => (await executionsWith(client)).length;
  await expect.poll(count, { timeout: 30_000, interval: 500 }).toBeGreaterThanOrEqual(REAL);
  return await count();
}

test(
  'a worker that is killed at random moments of an erasure leaves nothing and loses no count, on PostgreSQL',
  { timeout: 600_000 },
  async () => {
    const { url, drop } = await createPostgresDatabase();
    onTestFinished(drop);
    const temporal = await privateTemporal();
    onTestFinished(() => temporal.stop());
    const { env, archives, attachments } = await files();
    const home = perdureHome({ ...env, DATABASE_URL: url, TEMPORAL_ADDRESS: temporal.address });
    const [gateway, worker] = await Promise.all([home.start('gateway'), home.start('worker')]);
    const db = await openStore({ databaseUrl: url });
    onTestFinished(() => db.close());
    await use(createPerdure({ gateway: gateway.url, user: USER }), gateway.url);
    await generate(db);
    const client = await clientAt(temporal.address);
    const executions = await executionsOf(client);
    const rows = await countUserRows(db, USER);

    const { report, kills } = await eraseWithKills(gateway.url, worker, () => home.start('worker'), {
      client,
      most: 3,
    });

    expect(kills).toBeGreaterThan(1);
    expectWhole(report, rows, executions);
    expect(await tablesOf(db)).toEqual(['audit']);
    expect([...filesWith(archives, ''), ...filesWith(attachments, '')]).toEqual([]);
    expect(await executionsWith(client)).toEqual([]);
    expect(await db.query('SELECT 1 FROM perdure.erased_executions', [])).toEqual([]);
  },
);

test(
  'a process with an embedded store that is killed at random moments of an erasure goes on, and loses no count',
  { timeout: 600_000 },
  async () => {
    const { env, archives, attachments } = await files();
    const home = perdureHome({ ...env, PERDURE_PORT: String(await freePort()) });
    const used = await home.start();
    await use(createPerdure({ gateway: used.url, user: USER }), used.url);
    const [, address = ''] = /^ +Temporal +(\S+)$/m.exec(used.output()) ?? [];
    const client = await clientAt(address);
    const executions = await executionsOf(client);
    await used.stop();
    const before = await openStore({ dataDir: home.dataDir });
    await generate(before);
    const rows = await countUserRows(before, USER);
    await before.close();

    const { report, kills, last } = await eraseWithKills(used.url, await home.start(), () => home.start(), {
      client,
      most: 3,
    });

    expect(kills).toBeGreaterThan(1);
    expectWhole(report, rows, executions);
    expect([...filesWith(archives, ''), ...filesWith(attachments, '')]).toEqual([]);
    await last.stop();
    const after = await openStore({ dataDir: home.dataDir });
    onTestFinished(() => after.close());
    expect(await tablesOf(after)).toEqual(['audit']);
  },
);
