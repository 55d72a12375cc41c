import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Json } from '../../contracts/json.ts';
import type { Db } from '../db/db.ts';
import type { ToolCallRow } from '../log/rows.ts';

/** A call that an earlier execution of a program has made. */
export interface RecordedCall {
  /** From 1, in the order in which the program makes them. */
  readonly index: number;
  readonly row: ToolCallRow;
  /** As the program has made it. The row has those of an approval that has edited them. */
  readonly arguments: Json;
  /** `seq` of the event with its outcome; null while it has none. Outcomes reached the program in this order. */
  readonly endedSeq: number | null;
}

/** What earlier executions of a program have done. */
export interface RecordedProgram {
  /** When the model asked for the program, ISO 8601 UTC. */
  readonly calledAt: string;
  /** In the order of `index`. */
  readonly calls: readonly RecordedCall[];
}

/** Reads what earlier executions of a program have done; `callId` is that of the program. */
export async function readProgram(
  db: Pick<Db, 'query'>,
  key: SessionKey,
  { runId, callId }: { readonly runId: string; readonly callId: string },
): Promise<RecordedProgram> {
  const of = [key.user, key.session, runId, callId];
  const [called] = await db.query<{ at: string }>(
    `SELECT at FROM perdure.events WHERE user_id = $1 AND session_id = $2 AND dedupe = 'call:' || $3 || ':' || $4`,
    of,
  );
  const calls = await db.query<{ row: ToolCallRow; arguments: Json; endedSeq: number | null }>(
    `SELECT to_json(t) AS row,
            (SELECT e.data->'arguments' FROM perdure.events e
              WHERE e.user_id = $1 AND e.session_id = $2 AND e.dedupe = 'call:' || $3 || ':' || t.call_id) AS arguments,
            (SELECT e.seq FROM perdure.events e
              WHERE e.user_id = $1 AND e.session_id = $2 AND e.dedupe = 'result:' || $3 || ':' || t.call_id) AS "endedSeq"
       FROM perdure.tool_calls t
      WHERE t.user_id = $1 AND t.session_id = $2 AND t.run_id = $3 AND t.program = $4
      ORDER BY t.position`,
    of,
  );
  return {
    calledAt: new Date(called?.at ?? 0).toISOString(),
    calls: calls.map((call) => ({ ...call, index: call.row.position })),
  };
}
