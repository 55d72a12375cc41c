import type { RunDetail } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';
import { inboxItemOf } from '../inbox/inbox-record.ts';
import type { InboxRow } from '../log/rows.ts';
import { CONTEXT_CALLS, runDetailOf, type RunParts } from '../runs/records.ts';

/** Reads a run with its steps, tool calls and model calls from one snapshot; null when there is none. A run without a session is stored under its own id as session id. */
export async function readRun(db: Db, key: SessionKey, runId: string): Promise<RunDetail | null> {
  const [found] = await db.query<
    RunParts & { readonly items: readonly InboxRow[]; readonly embeddingCalls: RunDetail['embeddingCalls'] | null }
  >(
    `SELECT to_json(r) AS run,
            (SELECT coalesce(json_agg(s ORDER BY s.step), '[]') FROM perdure.steps s
              WHERE s.user_id = $1 AND s.session_id = $2 AND s.run_id = $3) AS steps,
            (SELECT coalesce(json_agg(t ORDER BY t.step, t.position), '[]') FROM perdure.tool_calls t
              WHERE t.user_id = $1 AND t.session_id = $2 AND t.run_id = $3) AS calls,
            (SELECT coalesce(json_agg(c ORDER BY c.step, c.attempt), '[]') FROM perdure.model_calls c
              WHERE c.user_id = $1 AND c.session_id = $2 AND c.run_id = $3) AS "modelCalls",
            (SELECT coalesce(json_agg(i), '[]') FROM perdure.inbox i
              WHERE i.user_id = $1 AND i.session_id = $2 AND i.run_id = $3) AS items,
            (SELECT json_agg(json_build_object('at', to_char(e.made_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'model', e.model,
                                               'texts', e.texts, 'inputTokens', e.input_tokens,
                                               'costUsd', e.cost_nanos::float8 / 1e9) ORDER BY e.call_id)
               FROM perdure.embedding_calls e
              WHERE e.user_id = $1 AND e.session_id = $2 AND e.run_id = $3) AS "embeddingCalls",
            ${CONTEXT_CALLS}
       FROM perdure.runs r
      WHERE r.user_id = $1 AND r.session_id = $2 AND r.run_id = $3`,
    [key.user, key.session, runId],
  );
  if (!found) return null;
  const { embeddingCalls, ...parts } = found;
  const detail = runDetailOf(parts);
  const items = new Map(found.items.map((item) => [item.call_id, inboxItemOf(item, key)]));
  const toolCalls = detail.toolCalls.map((call) => {
    const item = items.get(call.callId);
    return item && item.step === call.step ? { ...call, item } : call;
  });
  return { ...detail, toolCalls, ...(embeddingCalls ? { embeddingCalls } : {}) };
}
