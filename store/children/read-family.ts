import type { ChildRun, RunFamily } from '../../contracts/session/run-family.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { isChildId } from '../../core/children/child-id.ts';
import { usdOf } from '../../core/money/price.ts';
import type { Tx } from '../db/db.ts';
import { readLink } from './read-children.ts';

/** Rows of one answer. */
const LIMIT = 200;

interface Row {
  readonly run_id: string;
  readonly parent_run_id: string;
  readonly call_id: string;
  readonly tool: string;
  readonly agent: string;
  readonly level: number;
  readonly link: 'starting' | 'running' | 'ended';
  readonly status: ChildRun['status'];
  readonly called_at: string;
  readonly returned_at: string | null;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly ms: number | null;
  readonly nanos: number | null;
  readonly unpriced: number | null;
  readonly input: number | null;
  readonly output: number | null;
}

/** The run that has made a run by a call, and the runs that its own calls have made. */
export async function readFamily(tx: Tx, key: SessionKey, runId: string): Promise<RunFamily> {
  const link = isChildId(key.session) ? await readLink(tx, key) : null;
  const rows = await tx.query<Row>(
    `WITH RECURSIVE below AS (
       SELECT c.child_id, c.run_id, c.call_id, c.tool, c.agent, c.status AS link, c.noted_at AS called_at,
              c.ended_at AS returned_at, 1 AS level,
              ARRAY[c.step * 1000 + c.position] AS path
         FROM perdure.child_runs c WHERE c.user_id = $1 AND c.session_id = $2 AND c.run_id = $3
        UNION ALL
       SELECT c.child_id, c.run_id, c.call_id, c.tool, c.agent, c.status, c.noted_at, c.ended_at, b.level + 1,
              b.path || (c.step * 1000 + c.position)
         FROM below b JOIN perdure.child_runs c ON c.user_id = $1 AND c.session_id = b.child_id
        WHERE b.level < 20)
     SELECT b.child_id AS run_id, b.run_id AS parent_run_id, b.call_id, b.tool, b.agent, b.level, b.link, b.called_at, b.returned_at, r.status,
            r.started_at, r.ended_at,
            extract(epoch FROM coalesce(r.ended_at, clock_timestamp()) - r.created_at)::float8 * 1000 AS ms,
            r.cost_nanos::float8 AS nanos, r.unpriced_calls AS unpriced,
            r.input_tokens::float8 AS input, r.output_tokens::float8 AS output
       FROM below b
       LEFT JOIN perdure.runs r ON r.user_id = $1 AND r.session_id = b.child_id AND r.run_id = b.child_id
      WHERE b.link <> 'orphaned'
      ORDER BY b.path
      LIMIT ${LIMIT}`,
    [key.user, key.session, runId],
  );
  return {
    ...(link
      ? { parent: { sessionId: link.parent.key.session, runId: link.parent.runId, callId: link.parent.callId } }
      : {}),
    ...(rows.length > 0 ? { children: rows.map(childRunOf) } : {}),
  };
}

function childRunOf(row: Row): ChildRun {
  return {
    runId: row.run_id,
    parentRunId: row.parent_run_id,
    callId: row.call_id,
    tool: row.tool,
    agent: row.agent,
    level: row.level,
    status: row.status ?? (row.link === 'starting' ? 'starting' : null),
    calledAt: new Date(row.called_at).toISOString(),
    startedAt: iso(row.started_at),
    endedAt: iso(row.ended_at),
    returnedAt: iso(row.returned_at),
    totalMs: row.ms === null ? null : Math.max(0, Math.round(row.ms)),
    costUsd: row.unpriced === 0 ? usdOf(row.nanos) : null,
    inputTokens: row.input,
    outputTokens: row.output,
  };
}

function iso(time: string | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
