import { createHash } from 'node:crypto';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { CountsRecorded, RecordCounts } from '../../contracts/session/recorded-counts.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { dayOf } from '../../core/money/utc-period.ts';
import { addCounts, NO_COUNTS, recordedCountsOf, type CountSums } from '../../core/session/sum-counts.ts';
import type { Db, Tx } from '../db/db.ts';
import { lockExistingSession, type LockedSession } from '../log/lock-session.ts';

/**
 * Adds an application's counts to a session, and to the user's day, once per key. Throws `not_found`, `session_archived`,
 * `idempotency_conflict` for a key that was recorded with other counts, and `too_large` for too many records or counters.
 */
export async function recordCounts(db: Db, key: SessionKey, input: RecordCounts): Promise<CountsRecorded> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    if (session.row.status === 'archived') throw archived(key);
    const hash = hashOf(input);
    const { before, known } = await readRecord(tx, key, input.key);
    if (known === hash) return { recorded: false, counts: recordedCountsOf(before) };
    if (known !== null) throw conflict(input.key);
    const after = addCounts(before, input);
    checkSize(after);
    await insert(tx, session, input, hash, after);
    await addToDay(tx, session, input);
    return { recorded: true, counts: recordedCountsOf(after) };
  });
}

/** The session's sums, and the hash of the counts that the key was recorded with. */
async function readRecord(
  tx: Tx,
  key: SessionKey,
  recordKey: string,
): Promise<{ readonly before: CountSums; readonly known: string | null }> {
  const [found] = await tx.query<{ recorded: CountSums | null; known: string | null }>(
    `SELECT recorded, (SELECT body_hash FROM perdure.recorded_counts
                        WHERE user_id = $1 AND session_id = $2 AND record_key = $3) AS known
       FROM perdure.sessions WHERE user_id = $1 AND session_id = $2`,
    [key.user, key.session, recordKey],
  );
  if (found?.recorded != null) return { before: found.recorded, known: found.known };
  // What an older version has left of a deleted session with the same id.
  await tx.query(`DELETE FROM perdure.recorded_counts WHERE user_id = $1 AND session_id = $2`, [key.user, key.session]);
  return { before: NO_COUNTS, known: null };
}

async function insert(
  tx: Tx,
  { key, at }: LockedSession,
  { key: recordKey, requests = 0, errors = 0, processingTimeMs = 0, counters = {} }: RecordCounts,
  hash: string,
  sums: CountSums,
): Promise<void> {
  await tx.query(
    `INSERT INTO perdure.recorded_counts
       (user_id, session_id, record_key, body_hash, requests, errors, processing_ms, counters, recorded_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [key.user, key.session, recordKey, hash, requests, errors, processingTimeMs, JSON.stringify(counters), at],
  );
  // Every write to a session saves its row, so that a concurrent export notices it.
  await tx.query(`UPDATE perdure.sessions SET recorded = $3, updated_at = $4 WHERE user_id = $1 AND session_id = $2`, [
    key.user,
    key.session,
    JSON.stringify(sums),
    at,
  ]);
}

async function addToDay(
  tx: Tx,
  { key, at, row }: LockedSession,
  { requests = 0, errors = 0, processingTimeMs = 0, counters = {} }: RecordCounts,
): Promise<void> {
  const amounts = { '@requests': requests, '@errors': errors, '@processing_ms': processingTimeMs, ...counters };
  // In the order of the key, so that transactions of other sessions do not deadlock.
  await tx.query(
    `INSERT INTO perdure.recorded_days AS t (user_id, day, agent, name, amount)
     SELECT $1, $2, $3, i.key, i.value::text::float8 FROM json_each($4::json) i
      WHERE i.value::text::float8 <> 0 OR i.key = '@requests'
      ORDER BY i.key COLLATE "C"
         ON CONFLICT (user_id, day, agent, name) DO UPDATE SET amount = t.amount + EXCLUDED.amount`,
    [key.user, dayOf(at), row.agent, JSON.stringify(amounts)],
  );
}

/** The same for the same counts: an absent one is 0. */
function hashOf({ requests = 0, errors = 0, processingTimeMs = 0, counters = {} }: RecordCounts): string {
  const sorted = Object.entries(counters).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const canonical = JSON.stringify([requests, errors, processingTimeMs, sorted]);
  return createHash('sha256').update(canonical).digest('base64url');
}

function checkSize({ records, counters }: CountSums): void {
  const { recordsPerSession, countersPerSession } = LIMITS;
  if (records > recordsPerSession.value) {
    throw new PerdureError(
      'too_large',
      `The session has ${recordsPerSession.value} records of counts, the most it can have. Add up counts before you record them.`,
    );
  }
  const names = Object.keys(counters).length;
  if (names > countersPerSession.value) {
    throw new PerdureError(
      'too_large',
      `The session would have ${names} counters; the limit is ${countersPerSession.value}. Use fewer names.`,
    );
  }
}

function conflict(key: string): PerdureError {
  return new PerdureError(
    'idempotency_conflict',
    `The key ${JSON.stringify(key)} was recorded with other counts. Use another key for other counts.`,
  );
}

function archived({ session }: SessionKey): PerdureError {
  return new PerdureError(
    'session_archived',
    `The session ${JSON.stringify(session)} is archived. Restore it with \`perdure restore\` or POST /v1/sessions/{id}/restore, then record the counts.`,
  );
}
