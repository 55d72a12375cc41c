import type { Receipt } from '../../contracts/session/message.ts';
import type { RunRecord } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';
import { runRecordOf } from '../runs/records.ts';
import { isClaimed } from '../rows/row-claims.ts';
import { restingSession } from '../log/resting-session.ts';
import type { RunRow } from '../log/rows.ts';

/** Why an accepted message was refused by a worker. */
export interface Refusal {
  readonly code: string;
  readonly detail: string;
  /** ISO 8601 UTC. */
  readonly at: string;
}

interface RefusalRow {
  readonly code: string;
  readonly detail: string;
  readonly refused_at: string;
}

/** Reads why an accepted message was refused later; null when it was not, or too long ago. */
export async function readRefusal(db: Db, key: SessionKey, messageId: string): Promise<Refusal | null> {
  const [found] = await db.query<RefusalRow>(
    `SELECT code, detail, refused_at FROM perdure.message_refusals
      WHERE user_id = $1 AND session_id = $2 AND message_id = $3`,
    [key.user, key.session, messageId],
  );
  return found ? refusalOf(found) : null;
}

/** Reads the refusals of a session's accepted messages, newest first. A run without a session has its id as session id. */
export async function readRefusals(
  db: Db,
  key: SessionKey,
): Promise<{ readonly messageId: string; readonly refusal: Refusal }[]> {
  const found = await db.query<RefusalRow & { message_id: string }>(
    `SELECT message_id, code, detail, refused_at FROM perdure.message_refusals
      WHERE user_id = $1 AND session_id = $2 ORDER BY refused_at DESC`,
    [key.user, key.session],
  );
  return found.map((row) => ({ messageId: row.message_id, refusal: refusalOf(row) }));
}

function refusalOf({ code, detail, refused_at }: RefusalRow): Refusal {
  return { code, detail, at: new Date(refused_at).toISOString() };
}

/** The run of a message, if this process has just ended it and the session has rested since; null if the store must be read. */
export function endedRun(db: Db, key: SessionKey, runId: string): RunRecord | null {
  const { ended } = restingSession(db, key) ?? {};
  return ended?.run_id === runId ? runRecordOf(ended) : null;
}

/** Reads the receipt of a message and its run; null when no such message was admitted. */
export async function readMessage(
  db: Db,
  key: SessionKey,
  messageId: string,
): Promise<{ receipt: Receipt; run: RunRecord | null } | null> {
  const [found] = await db.query<{ receipt: Receipt; seq: number; run: RunRow | null }>(
    `SELECT m.receipt, m.seq, to_json(r) AS run
       FROM perdure.messages m
       LEFT JOIN perdure.runs r ON r.user_id = $1 AND r.session_id = $2 AND r.run_id = m.run_id
      WHERE m.user_id = $1 AND m.session_id = $2 AND m.message_id = $3 AND NOT ${isClaimed('m')}`,
    [key.user, key.session, messageId],
  );
  return found ? { receipt: { ...found.receipt, seq: found.seq }, run: found.run && runRecordOf(found.run) } : null;
}
