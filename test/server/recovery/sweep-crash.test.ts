import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import { createTemporalSender } from '../../../client/temporal/temporal-sender.ts';
import { readSweep } from '../../../store/admin/sweeps/read-sweeps.ts';
import type { Sweep } from '../../../contracts/maintenance.ts';
import type { Db } from '../../../store/db/db.ts';
import { openStore } from '../../../store/open-store.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SESSIONS = 900;

/** A third active but idle for 10 days, two thirds expired 40 days ago; every other has more than 5 messages. */
async function generate(db: Db): Promise<void> {
  await db.query(
    `INSERT INTO perdure.sessions (user_id, session_id, kind, status, agent, metadata, state, policy, head, messages, runs,
       errors, last_ordinal, created_at, updated_at, last_active_at, opened_at)
     SELECT 'ann', 's' || lpad(n::text, 5, '0'), 'session', CASE WHEN n % 3 = 0 THEN 'active' ELSE 'expired' END,
            'assistant', '{}', '{}', '{}', 1, 4 + 2 * (n % 2), 0, 0, 0, t, t, t, t
       FROM generate_series(1, $1::integer) n,
            LATERAL (SELECT now() - make_interval(days => CASE WHEN n % 3 = 0 THEN 10 ELSE 40 END) AS t) at`,
    [SESSIONS],
  );
  await db.query(
    `INSERT INTO perdure.events (user_id, session_id, seq, type, at, data)
     SELECT user_id, session_id, 1, 'session.opened', created_at, '{"agent": "assistant"}' FROM perdure.sessions`,
    [],
  );
}

/** A user's sweep on a store and a Temporal server of its own, whose worker is killed each time that so many sessions are done. */
async function killedSweep(config: string, middles: readonly number[]): Promise<{ db: Db; sweep: Sweep | null }> {
  const { url, drop } = await createPostgresDatabase();
  onTestFinished(drop);
  const temporal = await privateTemporal();
  onTestFinished(() => temporal.stop());
  const db = await openStore({ databaseUrl: url });
  onTestFinished(async () => await db.close());
  await generate(db);
  const connection = await Connection.connect({ address: temporal.address });
  onTestFinished(() => connection.close());
  const client = new Client({ connection });
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'perdure.yaml'), config);
  const home = perdureHome({
    DATABASE_URL: url,
    TEMPORAL_ADDRESS: temporal.address,
    PERDURE_CONFIG: join(folder, 'perdure.yaml'),
  });
  const id = await createTemporalSender({ client }).clean('ann', {});
  const done = async () => (await readSweep(db, 'ann', id))?.actions.length ?? 0;
  for (const middle of middles) {
    const worker = await home.start('worker');
    await expect.poll(done, { timeout: 60_000, interval: 5 }).toBeGreaterThan(middle);
    await worker.kill9();
    expect(await readSweep(db, 'ann', id)).toMatchObject({ endedAt: null });
  }
  await home.start('worker');
  await client.workflow.getHandle(`:maintenance:${id}`).result();
  return { db, sweep: await readSweep(db, 'ann', id) };
}

/** How many sessions there are of each status, how long their histories are, and how often they came to that status. */
async function left(db: Db): Promise<unknown> {
  return await db.query(
    `SELECT s.status, s.head, count(*)::int AS n,
            sum((SELECT count(*) FROM perdure.events e WHERE e.user_id = s.user_id AND e.session_id = s.session_id
                                                       AND e.type = 'session.' || s.status))::int AS events
       FROM perdure.sessions s GROUP BY 1, 2 ORDER BY 1`,
    [],
  );
}

test(
  'a sweep whose worker is killed in the middle of it, three times, goes on, does everything once and reports all of it',
  { timeout: 240_000 },
  async () => {
    // Where the first three pages are about half done.
    const { db, sweep } = await killedSweep('maintenance: {}', [100, 300, 500]);
    expect(sweep).toMatchObject({ seen: SESSIONS, counts: { archived: 300, deleted: 300 } });
    expect(sweep?.endedAt).not.toBeNull();
    // Workers also wake overdue sessions, which then expire without the sweep.
    const expired = sweep?.counts.expired ?? 0;
    expect(expired).toBeLessThanOrEqual(300);
    expect(sweep?.actions).toHaveLength(600 + expired);
    // One event more than at first: each was expired or archived once.
    expect(await left(db)).toEqual([
      { status: 'archived', head: 2, n: 300, events: 300 },
      { status: 'expired', head: 2, n: 300, events: 300 },
    ]);
  },
);

test(
  'a sweep whose worker is killed while it holds a limit leaves as many sessions active as may be',
  { timeout: 240_000 },
  async () => {
    const config = `
policy: { idleTimeoutMs: 8640000000, maxAgeMs: 8640000000, retentionMs: 8640000000 }
limits: { activePerUser: 20 }`;
    // Where the second batch has begun.
    const { db, sweep } = await killedSweep(config, [220]);
    expect(sweep).toMatchObject({ seen: SESSIONS, counts: { expired: 280 } });
    expect(sweep?.actions.every(({ reason }) => reason.startsWith('session_limit'))).toBe(true);
    expect(await left(db)).toEqual([
      { status: 'active', head: 1, n: 20, events: 0 },
      { status: 'expired', head: 1, n: 600, events: 0 },
      { status: 'expired', head: 2, n: 280, events: 280 },
    ]);
  },
);
