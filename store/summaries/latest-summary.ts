import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';

/** The `seq` of the session's newest summary; 0 without one. The caller holds the session's lock. */
export async function latestSummarySeq(tx: Tx, key: SessionKey): Promise<number> {
  const [newest] = await tx.query<{ seq: number }>(
    `SELECT seq FROM perdure.events
      WHERE user_id = $1 AND session_id = $2 AND type = 'context.summarized' ORDER BY seq DESC LIMIT 1`,
    [key.user, key.session],
  );
  return newest?.seq ?? 0;
}
