import type { Receipt } from '../../contracts/session/message.ts';
import type { RunRecord } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';
import { runRecordOf } from '../runs/records.ts';
import type { RunRow } from '../log/rows.ts';

/** Reads the receipt of a message and its run; null when no such message was admitted. */
export async function readMessage(
  db: Db,
  key: SessionKey,
  messageId: string,
): Promise<{ receipt: Receipt; run: RunRecord | null } | null> {
  const [found] = await db.query<{ receipt: Receipt; run: RunRow | null }>(
    `SELECT m.receipt, to_json(r) AS run
       FROM perdure.messages m
       LEFT JOIN perdure.runs r ON r.user_id = $1 AND r.session_id = $2 AND r.run_id = m.run_id
      WHERE m.user_id = $1 AND m.session_id = $2 AND m.message_id = $3`,
    [key.user, key.session, messageId],
  );
  return found ? { receipt: found.receipt, run: found.run && runRecordOf(found.run) } : null;
}
