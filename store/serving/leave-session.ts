import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { Db } from '../db/db.ts';
import { lockSession, versionOf } from '../log/lock-session.ts';
import { rememberLeft, restingSession } from '../log/resting-session.ts';
import { findNextRun, type NextRun } from './find-next-run.ts';

export type Leaving =
  /** The session is not served any more, and every run with this ordinal or a lower one has ended. */
  | { readonly kind: 'left'; readonly lastOrdinal: number; readonly status: SessionStatus }
  /** The session is not served any more, and this run is open. */
  | { readonly kind: 'handedOver'; readonly next: NextRun }
  /** This run is open, so the session is still served. */
  | { readonly kind: 'open'; readonly next: NextRun }
  /** Another activity serves the session now, or it was deleted. */
  | { readonly kind: 'superseded' };

interface LeaveSession {
  /** The epoch as which the activity serves, or that the session had when it began; null for any. */
  readonly epoch: number | null;
  /** Whether it leaves also if a run is open. */
  readonly handsOver: boolean;
}

/**
 * Ends the serving of a session. Without `handsOver`, only if no run is open: it is decided under the session's lock, or on its
 * version, which every admission changes, so a message is admitted either before, and its run is served, or after, and its sender wakes the
 * workflow.
 */
export async function leaveSession(db: Db, key: SessionKey, options: LeaveSession): Promise<Leaving> {
  return (await leaveResting(db, key, options.epoch)) ?? (await leaveLocked(db, key, options));
}

/** Leaves a session that rests, with one statement. Returns null, and has changed nothing, if it does not rest or another one serves it. */
async function leaveResting(db: Db, key: SessionKey, epoch: number | null): Promise<Leaving | null> {
  const resting = restingSession(db, key);
  if (!resting || resting.admitted) return null;
  const { session } = resting;
  const { row } = session;
  if (row.served_by === null || (epoch !== null && row.epoch !== epoch)) return null;
  const noteVersion = db.memory?.forget(key);
  const [left] = await db.query<{ version: string }>(
    `UPDATE perdure.sessions s SET served_by = NULL
      WHERE user_id = $1 AND session_id = $2 AND ${versionOf('s')} = $3 RETURNING ${versionOf('s')} AS version`,
    [key.user, key.session, session.version],
  );
  if (!left) return null;
  noteVersion?.(left.version);
  rememberLeft(db, resting, left.version);
  return { kind: 'left', lastOrdinal: row.last_ordinal, status: row.status };
}

async function leaveLocked(db: Db, key: SessionKey, { epoch, handsOver }: LeaveSession): Promise<Leaving> {
  return await db.transaction(async (tx) => {
    const session = await lockSession(tx, key);
    if (!session || (epoch !== null && session.row.epoch !== epoch)) return { kind: 'superseded' };
    const next = await findNextRun(tx, key);
    if (next && !handsOver) return { kind: 'open', next };
    const { served_by, last_ordinal: lastOrdinal, status } = session.row;
    if (served_by !== null) {
      await tx.query(`UPDATE perdure.sessions SET served_by = NULL WHERE user_id = $1 AND session_id = $2`, [
        key.user,
        key.session,
      ]);
    }
    return next ? { kind: 'handedOver', next } : { kind: 'left', lastOrdinal, status };
  });
}
