import { beforeEach, expect, test } from 'vitest';
import type { AuditVerification } from '../../../contracts/admin/audit.ts';
import { FIRST_AUDIT_HASH } from '../../../core/audit/audit-hash.ts';
import { appendAudit } from '../../../store/admin/audit/append-audit.ts';
import { deleteOldAudit } from '../../../store/admin/audit/delete-old-audit.ts';
import { verifyAudit } from '../../../store/admin/audit/verify-audit.ts';
import type { Db } from '../../../store/db/db.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';

const database = embeddedDatabase();
const START = { seq: 0, hash: FIRST_AUDIT_HASH };

/** As somebody does who owns the tables: past the trigger. */
async function tamper(db: Db, sql: string): Promise<void> {
  await db.query(
    `ALTER TABLE perdure.audit DISABLE TRIGGER USER; ${sql}; ALTER TABLE perdure.audit ENABLE TRIGGER USER`,
  );
}

const verify = (): Promise<AuditVerification> => verifyAudit(database.db, START);

async function append(...actors: string[]): Promise<void> {
  for (const actor of actors) {
    const entry = { actor, action: 'session.read', user: 'Анна', sessionId: '12:x-', runId: null } as const;
    await appendAudit(database.db, { ...entry, subject: actor });
  }
}

/** Entries that are `days` old, as the retention sees them, chained as any other. */
async function appendOld(days: number, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    await database.db.query(
      `INSERT INTO perdure.audit (audit_id, at, actor, action) VALUES ($1, now() - make_interval(days => $2), 'x', 'runs.list')`,
      [id, days],
    );
  }
}

beforeEach(async () => {
  const { db } = database;
  await tamper(
    db,
    `DELETE FROM perdure.audit; DELETE FROM perdure.audit_anchors;
    UPDATE perdure.audit_head SET seq = 0, hash = decode(repeat('00', 32), 'hex')`,
  );
});

test('entries form a chain that is verified without the functions of the database', async () => {
  expect(await verify()).toMatchObject({ verified: 0, last: START, complete: true, broken: null });
  await append('olga', 'rita', 'olga');
  const { last, ...result } = await verify();
  expect(result).toEqual({ verified: 3, removed: 0, complete: true, broken: null });
  await append('olga');
  expect(await verifyAudit(database.db, last)).toMatchObject({ verified: 1, complete: true, broken: null });
});

test('entries that are added at the same time get different numbers, and one chain', async () => {
  await Promise.all(Array.from({ length: 20 }, (_, n) => append(`o${n}`)));
  expect(await verify()).toMatchObject({ verified: 20, last: { seq: 20 }, complete: true });
});

test.each([`UPDATE perdure.audit SET actor = 'nobody'`, `DELETE FROM perdure.audit`, `TRUNCATE perdure.audit`])(
  'the trail is append-only: %s is refused',
  async (sql) => {
    await append('olga');
    await expect(database.db.query(sql, [])).rejects.toMatchObject({ code: 'internal' });
    expect(await verify()).toMatchObject({ verified: 1, complete: true });
  },
);

test.each([
  ['an actor', `UPDATE perdure.audit SET actor = 'nobody' WHERE seq = 2`, { seq: 2, reason: 'changed' }],
  [
    'a boundary between fields',
    `UPDATE perdure.audit SET actor = 'b2', subject = '' WHERE seq = 2`,
    { seq: 2, reason: 'changed' },
  ],
  [
    'a time by a microsecond',
    `UPDATE perdure.audit SET at = at + interval '1 microsecond' WHERE seq = 2`,
    { seq: 2, reason: 'changed' },
  ],
  ['null to empty', `UPDATE perdure.audit SET run_id = '' WHERE seq = 2`, { seq: 2, reason: 'changed' }],
  ['the first entry away', `DELETE FROM perdure.audit WHERE seq = 1`, { seq: 1, id: null, reason: 'missing' }],
  ['an entry in the middle away', `DELETE FROM perdure.audit WHERE seq = 2`, { seq: 2, id: null, reason: 'missing' }],
  ['the newest entry away', `DELETE FROM perdure.audit WHERE seq = 3`, { seq: 3, id: null, reason: 'missing' }],
  ['all entries away', `DELETE FROM perdure.audit`, { seq: 1, id: null, reason: 'missing' }],
  [
    'a hash with its content',
    `UPDATE perdure.audit SET actor = 'x' WHERE seq = 2; UPDATE perdure.audit SET hash = perdure.audit_hash(audit) WHERE seq = 2`,
    { seq: 3, reason: 'unlinked' },
  ],
  [
    'the head back',
    `DELETE FROM perdure.audit WHERE seq = 3; UPDATE perdure.audit_head SET seq = 2`,
    { seq: 2, id: null, reason: 'unlinked' },
  ],
])('whoever changes %s past the trigger is found', async (_, sql, broken) => {
  await append('a', 'b', 'c');
  await tamper(database.db, sql);
  expect(await verify()).toMatchObject({ complete: false, broken });
});

test('a trail that was rewritten as a whole is found by an entry that was noted', async () => {
  await append('a', 'b', 'c');
  const { last } = await verify();
  await tamper(
    database.db,
    `DELETE FROM perdure.audit; UPDATE perdure.audit_head SET seq = 0, hash = decode(repeat('00', 32), 'hex')`,
  );
  await append('a', 'x', 'c', 'd');
  expect(await verify()).toMatchObject({ verified: 4, broken: null });
  expect(await verifyAudit(database.db, last)).toMatchObject({ broken: { seq: 4, reason: 'unlinked' } });
});

test('after the retention the rest is verified from its anchors, again and again, to the last entry', async () => {
  await appendOld(500, 'o1', 'o2');
  await append('a');
  await appendOld(450, 'o3');
  await append('b');
  await deleteOldAudit(database.db);
  expect(await verify()).toMatchObject({ verified: 2, removed: 3, last: { seq: 5 }, complete: true, broken: null });
  await deleteOldAudit(database.db);
  expect(await verify()).toMatchObject({ verified: 2, removed: 3, complete: true });
  // The next gap swallows the ones before it.
  await database.db.query(`SELECT perdure.remove_old_audit(clock_timestamp())`, []);
  expect(await verify()).toMatchObject({ verified: 0, removed: 5, last: { seq: 5 }, complete: true });
  await append('c');
  expect(await verify()).toMatchObject({ verified: 1, removed: 5, last: { seq: 6 }, complete: true });
  const anchors = await database.db.query(`SELECT seq::int AS seq FROM perdure.audit_anchors`, []);
  expect(anchors).toEqual([{ seq: 5 }]);
  await tamper(database.db, `DELETE FROM perdure.audit_anchors`);
  expect(await verify()).toMatchObject({ broken: { seq: 1, reason: 'missing' } });
});
