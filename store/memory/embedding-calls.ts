import { v7 as uuidv7 } from 'uuid';
import type { Tx } from '../db/db.ts';

/** A request for vectors, and what it is charged. */
export interface EmbeddingCall {
  readonly user: string;
  /** The session and the run that caused it; null for none. A run without a session has its own id as that of the session. */
  readonly session: string | null;
  readonly run: string | null;
  /** ISO 8601. */
  readonly at: string;
  /** `provider/model`. */
  readonly model: string;
  readonly texts: number;
  /** As reported; null: unknown. */
  readonly inputTokens: number | null;
  readonly costNanos: number | null;
  readonly priceSource: string | null;
  readonly priceDate: string | null;
  /** Charged where the tokens are unknown; null where they are known. */
  readonly estimatedInputTokens: number | null;
  readonly estimatedNanos: number | null;
}

/** Records a request, and charges it to the user's day under the agent of its run; without a run, under none. */
export async function recordEmbeddingCall(tx: Tx, call: EmbeddingCall): Promise<void> {
  await tx.query(
    `WITH given AS (
       SELECT $1::text AS user_id, $2::text AS session_id, $3::text AS run_id, $4::timestamptz AS made_at, $5::text AS model,
              $6::integer AS texts, $7::bigint AS input_tokens, $8::bigint AS cost_nanos, $9::text AS price_source,
              $10::text AS price_date, $11::bigint AS estimated_tokens, $12::bigint AS estimated_nanos,
              ($4::timestamptz AT TIME ZONE 'UTC')::date AS day
     ), recorded AS (
       INSERT INTO perdure.embedding_calls
              (call_id, user_id, session_id, run_id, day, made_at, model, texts, input_tokens, cost_nanos, price_source,
               price_date, estimated_input_tokens, estimated_nanos)
       SELECT $13, user_id, session_id, run_id, day, made_at, model, texts, input_tokens, cost_nanos, price_source,
              price_date, estimated_tokens, estimated_nanos FROM given)
     INSERT INTO perdure.usage_days AS t
            (user_id, day, agent, model, calls, failed_calls, unmetered_calls, unpriced_calls, input_tokens, output_tokens,
             cached_tokens, reasoning_tokens, cost_nanos, estimated_calls, estimated_input_tokens, estimated_nanos)
     SELECT user_id, day,
            coalesce((SELECT agent FROM perdure.runs r
                       WHERE r.user_id = g.user_id AND r.session_id = g.session_id AND r.run_id = g.run_id), ''),
            model, 1, 0, CASE WHEN input_tokens IS NULL THEN 1 ELSE 0 END, CASE WHEN cost_nanos IS NULL THEN 1 ELSE 0 END,
            coalesce(input_tokens, 0), 0, 0, 0, coalesce(cost_nanos, 0),
            CASE WHEN estimated_tokens IS NULL THEN 0 ELSE 1 END, coalesce(estimated_tokens, 0), coalesce(estimated_nanos, 0)
       FROM given g
         ON CONFLICT (user_id, day, agent, model) DO UPDATE
        SET calls = t.calls + 1, unmetered_calls = t.unmetered_calls + EXCLUDED.unmetered_calls,
            unpriced_calls = t.unpriced_calls + EXCLUDED.unpriced_calls, input_tokens = t.input_tokens + EXCLUDED.input_tokens,
            cost_nanos = t.cost_nanos + EXCLUDED.cost_nanos, estimated_calls = t.estimated_calls + EXCLUDED.estimated_calls,
            estimated_input_tokens = t.estimated_input_tokens + EXCLUDED.estimated_input_tokens,
            estimated_nanos = t.estimated_nanos + EXCLUDED.estimated_nanos`,
    [
      call.user,
      call.session,
      call.run,
      call.at,
      call.model,
      call.texts,
      call.inputTokens,
      call.costNanos,
      call.priceSource,
      call.priceDate,
      call.estimatedInputTokens,
      call.estimatedNanos,
      uuidv7(),
    ],
  );
}
