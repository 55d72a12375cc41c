import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { Tx } from '../../db/db.ts';
import type { InboxRow, ToolCallRow } from '../../log/rows.ts';

/** A question that an MCP server has asked in the middle of a call, and its answer if it has one. */
export interface RecordedQuestion {
  /** A call of the tool that asks the user. Its `program` is the call in which the server has asked. */
  readonly call: ToolCallRow;
  readonly item: InboxRow;
  /** Until the question expires, by the store's clock. */
  readonly expiresInMs: number;
}

/** Reads the questions of a call, in their order. */
export async function readQuestions(
  db: Pick<Tx, 'query'>,
  key: SessionKey,
  { runId, callId }: { readonly runId: string; readonly callId: string },
): Promise<RecordedQuestion[]> {
  return await db.query<RecordedQuestion>(
    `SELECT to_json(t) AS call, to_json(i) AS item,
            (extract(epoch FROM i.expires_at - clock_timestamp()) * 1000)::float8 AS "expiresInMs"
       FROM perdure.tool_calls t
       JOIN perdure.inbox i ON i.user_id = $1 AND i.session_id = $2 AND i.run_id = $3 AND i.call_id = t.call_id
      WHERE t.user_id = $1 AND t.session_id = $2 AND t.run_id = $3 AND t.program = $4
      ORDER BY t.position`,
    [key.user, key.session, runId, callId],
  );
}
