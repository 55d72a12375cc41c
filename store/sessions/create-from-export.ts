import { v7 as uuidv7 } from 'uuid';
import type { StorageLimits } from '../../contracts/attachments/storage-limits.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionLimits } from '../../contracts/session/session-limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { PreparedImport } from '../documents/prepare-import.ts';
import { referToAttachments, saveImportedAttachments } from '../attachments/carried-attachments.ts';
import { importError } from '../documents/document-process.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { cancelOpenRuns } from '../runs/cancel-runs.ts';
import type { Db, Tx } from '../db/db.ts';
import { lockExistingSession } from '../log/lock-session.ts';
import { deleteAbandonedRows, deleteClaimedRows } from '../rows/delete-rows.ts';
import { insertRows } from '../rows/insert-rows.ts';
import { claimRows, lockAbsentSession, releaseClaim, renewClaim, rowsClaimed } from '../rows/row-claims.ts';
import { columnsOf } from '../rows/table-columns.ts';
import { ensureCapacity, type EvictedSession } from './ensure-capacity.ts';

/**
 * Creates a session under `key` from an exported document that was checked. Open runs are cancelled, because they may
 * continue where the session was exported. Throws `already_exists`, `session_limit` for an active session when the limit
 * of active sessions is reached, `store_unavailable` while another request creates or deletes it, and `invalid_request`
 * for rows that the tables refuse. The rows are inserted in pieces, between which others have their turn; nobody reads them
 * before the last transaction inserts the row of the session.
 */
export async function createFromExport(
  db: Db,
  key: SessionKey,
  prepared: PreparedImport,
  limits?: SessionLimits,
  storage?: StorageLimits,
): Promise<{ events: PerdureEvent[]; evicted: readonly EvictedSession[] }> {
  const { status, kind } = prepared;
  const holder = uuidv7();
  await claimAbsentSession(db, key, holder);
  try {
    await saveImportedAttachments(db, key.user, prepared.attachments, storage);
    await insertRows(db, key, holder, prepared, asBroken);
    await db.transaction(async (tx) => {
      await renewClaim(tx, key, holder);
      await closeCopies(tx, key);
      await endBackground(tx, key);
      await markForeignPins(tx, key);
    });
    return await db.transaction(async (tx) => {
      if (!(await releaseClaim(tx, key, holder))) throw rowsClaimed(key);
      const evicted = limits && status === 'active' && kind === 'session' ? await ensureCapacity(tx, key, limits) : [];
      if (!(await insertRow(tx, key, prepared))) throw alreadyThere(key);
      await referToAttachments(tx, key);
      return { events: await recordImport(tx, key), evicted };
    });
  } catch (error) {
    // Where this fails too, upkeep deletes them.
    await deleteClaimedRows(db, key, holder).catch(() => {});
    throw error;
  }
}

/** Claims the key for {@link insertRows}. Throws `already_exists`, and `store_unavailable` while somebody else has it. */
async function claimAbsentSession(db: Db, key: SessionKey, holder: string): Promise<void> {
  const { abandoned } = await db.transaction(async (tx) => {
    const claim = await claimRows(tx, key, holder);
    if (claim === null) throw rowsClaimed(key);
    await lockAbsentSession(tx, key);
    const found = await tx.query(`SELECT 1 FROM perdure.sessions WHERE user_id = $1 AND session_id = $2`, [
      key.user,
      key.session,
    ]);
    if (found.length > 0) throw alreadyThere(key);
    return claim;
  });
  if (abandoned) await deleteAbandonedRows(db, key, holder);
}

async function recordImport(tx: Tx, key: SessionKey): Promise<PerdureEvent[]> {
  const cancelled = await cancelOpenRuns(tx, await lockExistingSession(tx, key), 'imported');
  const session = await lockExistingSession(tx, key);
  const pending = pendingEvents(session);
  pending.add({ type: 'session.recovered', reason: 'imported' }, null);
  session.row.recovered = 'imported';
  session.row.opened_at = session.at;
  session.row.last_active_at = session.at;
  return [...cancelled, ...(await appendEvents(tx, session, pending))];
}

/** Closes the model calls and waits that were in progress. They are charged where the session was exported. */
async function closeCopies(tx: Tx, key: SessionKey): Promise<void> {
  await tx.query(
    `WITH calls AS (UPDATE perdure.model_calls SET outcome = 'lost', ended_at = clock_timestamp()
                     WHERE user_id = $1 AND session_id = $2 AND outcome = 'running')
     UPDATE perdure.waits SET ended_at = greatest(started_at, clock_timestamp())
      WHERE user_id = $1 AND session_id = $2 AND ended_at IS NULL`,
    [key.user, key.session],
  );
}

/** What the runs have left for the background is done where the session was exported. */
async function endBackground(tx: Tx, key: SessionKey): Promise<void> {
  await tx.query(
    `UPDATE perdure.runs SET context = (context::jsonb || '{"background": false}')::json
      WHERE user_id = $1 AND session_id = $2 AND (context ->> 'background') = 'true' AND status = 'completed'`,
    [key.user, key.session],
  );
}

/** Only an agent version that a worker here has saved, with its own model and what its context providers add here, may run: a document could contain any. */
async function markForeignPins(tx: Tx, { user, session }: SessionKey): Promise<void> {
  await tx.query(
    `UPDATE perdure.runs r SET foreign_pin = true
      WHERE r.user_id = $1 AND r.session_id = $2 AND r.status <> 'completed'
        AND (r.agent_version IS NOT NULL OR r.model IS NOT NULL)
        AND (r.context IS NOT NULL OR NOT EXISTS (SELECT 1 FROM perdure.agent_versions v
                         WHERE v.hash = r.agent_version AND v.spec ->> 'name' = r.agent AND v.spec ->> 'model' = r.model
                           AND coalesce(v.spec::jsonb -> 'fallbackModels', 'null')
                             = coalesce(r.fallback_models::jsonb, 'null')))`,
    [user, session],
  );
}

/** The times of the document are not copied: they count towards expiry and clean-up, and workers cache conversations by the creation time. */
async function insertRow(tx: Tx, key: SessionKey, { session }: PreparedImport): Promise<boolean> {
  const times = ['created_at', 'updated_at', 'last_active_at', 'opened_at'];
  const given = new Set(Object.keys(JSON.parse(session) as object));
  const columns = (await columnsOf(tx, 'sessions')).filter((name) => given.has(name) && !times.includes(name));
  const inserted = await tx
    .query(
      `INSERT INTO perdure.sessions (user_id, session_id, ${[...times, ...columns].join(', ')})
       SELECT $1, $2, ${times.map(() => `date_trunc('milliseconds', clock_timestamp())`).join(', ')},
              ${columns.map((name) => `i.${name}`).join(', ')}
         FROM json_populate_record(NULL::perdure.sessions, $3::json) i
       ON CONFLICT DO NOTHING RETURNING 1`,
      [key.user, key.session, session],
    )
    .catch(asBroken);
  return inserted.length === 1;
}

/** Maps SQLSTATE classes 22 (a value that the column cannot hold), 23 (a violated constraint) and 54 (a limit) to `invalid_request`. */
function asBroken(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!/^(22|23|54)/.test(code)) throw error;
  throw importError({ code: 'invalid_request', problem: `one of its rows does not fit its table (SQLSTATE ${code})` });
}

function alreadyThere({ session }: SessionKey): PerdureError {
  return new PerdureError(
    'already_exists',
    `The session ${JSON.stringify(session)} already exists. Import under another id, or delete that session first.`,
  );
}
