import { PerdureError } from '../../contracts/errors.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import type { ToolCallRow } from '../log/rows.ts';

/** Loads a tool call. The caller holds the session's lock. Throws `not_found`. */
export async function loadCall(tx: Tx, key: SessionKey, runId: string, callId: string): Promise<ToolCallRow> {
  const [found] = await tx.query<{ call: ToolCallRow }>(
    `SELECT to_json(t) AS call FROM perdure.tool_calls t
      WHERE t.user_id = $1 AND t.session_id = $2 AND t.run_id = $3 AND t.call_id = $4`,
    [key.user, key.session, runId, callId],
  );
  if (found) return found.call;
  throw new PerdureError(
    'not_found',
    `There is no tool call ${JSON.stringify(callId)} in the run ${JSON.stringify(runId)}.`,
  );
}
