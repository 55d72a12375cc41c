import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';

/** Returns the ids of the messages that a run answers, in the order of their delivery; empty for an unknown run. */
export async function readRunMessages(db: Tx, key: SessionKey, runId: string): Promise<readonly string[]> {
  const [run] = await db.query<{ message_ids: readonly string[] }>(
    `SELECT message_ids FROM perdure.runs WHERE user_id = $1 AND session_id = $2 AND run_id = $3`,
    [key.user, key.session, runId],
  );
  return run?.message_ids ?? [];
}
