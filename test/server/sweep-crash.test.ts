import { Client, Connection } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import { createTemporalSender } from '../../src/client/temporal-sender.ts';
import { readSweep } from '../../src/store/admin/read-sweeps.ts';
import type { Db } from '../../src/store/db.ts';
import { openStore } from '../../src/store/open-store.ts';
import { createPostgresDatabase } from '../support/databases.ts';
import { perdureHome } from '../support/perdure-process.ts';
import { privateTemporal } from '../support/temporal-server.ts';

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

test(
  'a sweep whose worker is killed in the middle of it, three times, goes on, does everything once and reports all of it',
  { timeout: 240_000 },
  async () => {
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
    const home = perdureHome({ DATABASE_URL: url, TEMPORAL_ADDRESS: temporal.address });
    const id = await createTemporalSender({ client }).clean('ann', {});
    const done = async () => (await readSweep(db, 'ann', id))?.actions.length ?? 0;
    // Where the first three pages are about half done.
    for (const middle of [100, 300, 500]) {
      const worker = await home.start('worker');
      await expect.poll(done, { timeout: 60_000, interval: 5 }).toBeGreaterThan(middle);
      await worker.kill9();
      expect(await readSweep(db, 'ann', id)).toMatchObject({ endedAt: null });
    }
    expect(await done()).toBeLessThan(SESSIONS);
    await home.start('worker');
    await client.workflow.getHandle(`:maintenance:${id}`).result();

    const sweep = await readSweep(db, 'ann', id);
    expect(sweep).toMatchObject({ seen: SESSIONS, counts: { expired: 300, archived: 300, deleted: 300 } });
    expect(sweep?.endedAt).not.toBeNull();
    expect(sweep?.actions).toHaveLength(SESSIONS);
    const left = await db.query(
      `SELECT s.status, s.head, count(*)::int AS n,
              sum((SELECT count(*) FROM perdure.events e WHERE e.user_id = s.user_id AND e.session_id = s.session_id
                                                         AND e.type = 'session.' || s.status))::int AS events
         FROM perdure.sessions s GROUP BY 1, 2 ORDER BY 1`,
      [],
    );
    // One event more than at first: each was expired or archived once.
    expect(left).toEqual([
      { status: 'archived', head: 2, n: 300, events: 300 },
      { status: 'expired', head: 2, n: 300, events: 300 },
    ]);
  },
);
