import { Client, Connection } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import { createTemporalSender } from '../../../client/temporal/temporal-sender.ts';
import { batchRequestSchema, type BatchInput } from '../../../contracts/admin/batch.ts';
import { listBatchItems } from '../../../store/admin/batches/batch-items.ts';
import { beginBatch, readBatch } from '../../../store/admin/batches/batches.ts';
import { openStore } from '../../../store/open-store.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';

const SESSIONS = 120;

test.each<[string, BatchInput, string]>([
  ['ends', { action: 'end', filter: { all: true }, perSecond: 50, status: 'completed' }, 'ended'],
  ['archives', { action: 'archive', filter: { status: 'active' }, perSecond: 50 }, 'archived'],
])(
  'a batch that %s sessions, and whose worker is killed in the middle of it, twice, goes on and does everything once',
  { timeout: 400_000 },
  async (_, request, event) => {
    const { url, drop } = await createPostgresDatabase();
    onTestFinished(drop);
    const temporal = await privateTemporal();
    onTestFinished(() => temporal.stop());
    const db = await openStore({ databaseUrl: url });
    onTestFinished(async () => await db.close());
    await db.query(
      `INSERT INTO perdure.sessions (user_id, session_id, kind, status, agent, metadata, state, policy, head, messages, runs,
         errors, last_ordinal, created_at, updated_at, last_active_at, opened_at)
       SELECT 'user-' || n % 7, 's' || n, 'session', 'active', 'assistant', '{}', '{}', '{}', 1, 1, 0, 0, 0, now(), now(), now(), now()
         FROM generate_series(1, $1::integer) n`,
      [SESSIONS],
    );
    await db.query(
      `INSERT INTO perdure.events (user_id, session_id, seq, type, at, data)
       SELECT user_id, session_id, 1, 'session.opened', created_at, '{"agent": "assistant"}' FROM perdure.sessions`,
      [],
    );
    const connection = await Connection.connect({ address: temporal.address });
    onTestFinished(() => connection.close());
    const client = new Client({ connection });
    const home = perdureHome({ DATABASE_URL: url, TEMPORAL_ADDRESS: temporal.address });
    const { id } = await beginBatch(db, batchRequestSchema.parse(request), 'ops');
    await createTemporalSender({ client }).startBatch(id);
    const report = async () => await readBatch(db, id);
    for (const middle of [25, 65]) {
      const worker = await home.start('worker');
      await expect.poll(async () => (await report())?.done, { timeout: 90_000, interval: 5 }).toBeGreaterThan(middle);
      await worker.kill9();
      expect(await report()).toMatchObject({ endedAt: null });
    }
    await home.start('worker');
    await client.workflow.getHandle(`:batch:${id}`).result();
    expect(await report()).toMatchObject({
      status: 'completed',
      matched: SESSIONS,
      done: SESSIONS,
      skipped: 0,
      failed: 0,
    });
    const { data } = await listBatchItems(db, id, { limit: 1_000, outcome: 'done' });
    expect(new Set(data.map(({ sessionId }) => sessionId)).size).toBe(SESSIONS);
    // Each was changed once.
    expect(
      await db.query(
        `SELECT n, count(*)::int AS sessions FROM
                (SELECT count(*)::int AS n FROM perdure.events WHERE type = 'session.' || $1::text GROUP BY user_id, session_id) e GROUP BY n`,
        [event],
      ),
    ).toEqual([{ n: 1, sessions: SESSIONS }]);
  },
);
