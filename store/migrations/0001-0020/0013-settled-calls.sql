-- Every model call is settled when it ends. One whose usage or cost is unknown is charged an estimate instead of staying
-- reserved. Estimates are kept apart from known amounts.

ALTER TABLE perdure.model_calls
  -- false: the request was not sent, so it is not counted as a call
  ADD COLUMN made                    boolean NOT NULL DEFAULT true,
  -- of a call in progress: the estimated usage if nothing more becomes known. Of a settled call: what it is charged
  -- where the actual amount is unknown; NULL where that is known, or cannot be estimated
  ADD COLUMN estimated_input_tokens  bigint,
  ADD COLUMN estimated_output_tokens bigint,
  ADD COLUMN estimated_nanos         bigint;

-- [transaction]
ALTER TABLE perdure.usage_days
  -- number of calls that are charged an estimate, and the sums of those estimates
  ADD COLUMN estimated_calls         integer NOT NULL DEFAULT 0,
  ADD COLUMN estimated_input_tokens  bigint NOT NULL DEFAULT 0,
  ADD COLUMN estimated_output_tokens bigint NOT NULL DEFAULT 0,
  ADD COLUMN estimated_nanos         bigint NOT NULL DEFAULT 0;

-- [transaction]
ALTER TABLE perdure.sessions
  -- number of calls without reported tokens, and the sums of those that were reported
  ADD COLUMN unmetered_calls         integer NOT NULL DEFAULT 0,
  ADD COLUMN known_input_tokens      bigint NOT NULL DEFAULT 0,
  ADD COLUMN known_output_tokens     bigint NOT NULL DEFAULT 0,
  ADD COLUMN known_cached_tokens     bigint NOT NULL DEFAULT 0,
  ADD COLUMN known_reasoning_tokens  bigint NOT NULL DEFAULT 0,
  ADD COLUMN estimated_calls         integer NOT NULL DEFAULT 0,
  ADD COLUMN estimated_input_tokens  bigint NOT NULL DEFAULT 0,
  ADD COLUMN estimated_output_tokens bigint NOT NULL DEFAULT 0,
  ADD COLUMN estimated_nanos         bigint NOT NULL DEFAULT 0;

-- [transaction]
ALTER TABLE perdure.runs
  ADD COLUMN unmetered_calls         integer NOT NULL DEFAULT 0,
  ADD COLUMN known_input_tokens      bigint NOT NULL DEFAULT 0,
  ADD COLUMN known_output_tokens     bigint NOT NULL DEFAULT 0,
  ADD COLUMN known_cached_tokens     bigint NOT NULL DEFAULT 0,
  ADD COLUMN known_reasoning_tokens  bigint NOT NULL DEFAULT 0,
  ADD COLUMN estimated_calls         integer NOT NULL DEFAULT 0,
  ADD COLUMN estimated_input_tokens  bigint NOT NULL DEFAULT 0,
  ADD COLUMN estimated_output_tokens bigint NOT NULL DEFAULT 0,
  ADD COLUMN estimated_nanos         bigint NOT NULL DEFAULT 0,
  -- consecutive failures of the run's activities that are no failures of its model or tools
  ADD COLUMN failures                integer NOT NULL DEFAULT 0;

-- [transaction]
-- Reservations for calls whose records were deleted with their sessions are charged by a quarter, as those of the others below.
UPDATE perdure.usage_days
   SET estimated_calls = 1, estimated_input_tokens = held_tokens / 4, estimated_nanos = held_nanos / 4,
       held_nanos = 0, held_tokens = 0
 WHERE held_nanos > 0 OR held_tokens > 0;

-- [batches]
-- Calls of runs that have ended, whose own end was never recorded, are counted as lost.
INSERT INTO perdure.usage_days AS t
       (user_id, day, agent, model, calls, failed_calls, unmetered_calls, unpriced_calls, input_tokens, output_tokens,
        cached_tokens, reasoning_tokens, cost_nanos)
SELECT c.user_id, c.day, c.agent, c.model, count(*), count(*), count(*), count(*), 0, 0, 0, 0, 0
  FROM perdure.model_calls c
  JOIN perdure.runs r ON r.user_id = c.user_id AND r.session_id = c.session_id AND r.run_id = c.run_id
 WHERE c.outcome = 'running' AND r.status NOT IN ('queued', 'running')
   AND /* batch of c */ true AND /* batch of r */ true
 GROUP BY 1, 2, 3, 4
    ON CONFLICT (user_id, day, agent, model) DO UPDATE
   SET calls = t.calls + EXCLUDED.calls, failed_calls = t.failed_calls + EXCLUDED.failed_calls,
       unmetered_calls = t.unmetered_calls + EXCLUDED.unmetered_calls,
       unpriced_calls = t.unpriced_calls + EXCLUDED.unpriced_calls;

WITH lost AS (
  UPDATE perdure.model_calls c
     SET outcome = 'lost', ended_at = r.ended_at
    FROM perdure.runs r
   WHERE r.user_id = c.user_id AND r.session_id = c.session_id AND r.run_id = c.run_id
     AND c.outcome = 'running' AND r.status NOT IN ('queued', 'running')
   AND /* batch of c */ true AND /* batch of r */ true
  RETURNING c.user_id, c.session_id, c.run_id
), of_runs AS (
  UPDATE perdure.runs r
     SET unpriced_calls = r.unpriced_calls + l.calls
    FROM (SELECT user_id, session_id, run_id, count(*)::integer AS calls FROM lost GROUP BY 1, 2, 3) l
   WHERE r.user_id = l.user_id AND r.session_id = l.session_id AND r.run_id = l.run_id
)
UPDATE perdure.sessions s
   SET unpriced_calls = s.unpriced_calls + l.calls
  FROM (SELECT user_id, session_id, count(*)::integer AS calls FROM lost GROUP BY 1, 2) l
 WHERE s.user_id = l.user_id AND s.session_id = l.session_id;

-- What is still held for calls that have ended is charged by a quarter. The reservation counts a token for each byte of the
-- request, of which a token has about four, and the longest possible answer.
UPDATE perdure.model_calls c
   SET estimated_input_tokens = CASE WHEN held_tokens > 0 THEN held_tokens / 4 END,
       estimated_output_tokens = CASE WHEN held_tokens > 0 THEN 0 END,
       estimated_nanos = CASE WHEN held_nanos > 0 THEN held_nanos / 4 END,
       held_nanos = 0, held_tokens = 0
 WHERE outcome <> 'running' AND (held_nanos > 0 OR held_tokens > 0) AND /* batch of c */ true;

UPDATE perdure.usage_days d
   SET estimated_calls = d.estimated_calls + c.calls,
       estimated_input_tokens = d.estimated_input_tokens + c.input_tokens,
       estimated_nanos = d.estimated_nanos + c.nanos
  FROM (SELECT user_id, day, agent, model, count(*) AS calls,
               coalesce(sum(estimated_input_tokens), 0) AS input_tokens, coalesce(sum(estimated_nanos), 0) AS nanos
          FROM perdure.model_calls c
         WHERE outcome <> 'running' AND (estimated_input_tokens IS NOT NULL OR estimated_nanos IS NOT NULL)
           AND /* batch of c */ true
         GROUP BY 1, 2, 3, 4) c
 WHERE d.user_id = c.user_id AND d.day = c.day AND d.agent = c.agent AND d.model = c.model;

-- Calls that a budget refused were counted as failed calls. They were not made.
UPDATE perdure.usage_days d
   SET calls = d.calls - c.calls, failed_calls = d.failed_calls - c.calls
  FROM (SELECT user_id, day, agent, model, count(*) AS calls
          FROM perdure.model_calls c
         WHERE error_code = 'budget_exceeded' AND /* batch of c */ true GROUP BY 1, 2, 3, 4) c
 WHERE d.user_id = c.user_id AND d.day = c.day AND d.agent = c.agent AND d.model = c.model
   AND d.calls >= c.calls AND d.failed_calls >= c.calls;
UPDATE perdure.model_calls c SET made = false WHERE error_code = 'budget_exceeded' AND /* batch of c */ true;

-- The sums of runs and sessions. Those of archived sessions, whose calls are in their archives, are what is known.
UPDATE perdure.runs r
   SET unmetered_calls = c.unmetered, known_input_tokens = c.input, known_output_tokens = c.output,
       known_cached_tokens = c.cached, known_reasoning_tokens = c.reasoning, estimated_calls = c.estimated,
       estimated_input_tokens = c.estimated_input, estimated_nanos = c.estimated_nanos
  FROM (SELECT user_id, session_id, run_id,
               count(*) FILTER (WHERE input_tokens IS NULL OR output_tokens IS NULL) AS unmetered,
               coalesce(sum(input_tokens), 0) AS input, coalesce(sum(output_tokens), 0) AS output,
               coalesce(sum(cached_tokens), 0) AS cached, coalesce(sum(reasoning_tokens), 0) AS reasoning,
               count(*) FILTER (WHERE estimated_input_tokens IS NOT NULL OR estimated_nanos IS NOT NULL) AS estimated,
               coalesce(sum(estimated_input_tokens), 0) AS estimated_input,
               coalesce(sum(estimated_nanos), 0) AS estimated_nanos
          FROM perdure.model_calls c WHERE outcome <> 'running' AND /* batch of c */ true GROUP BY 1, 2, 3) c
 WHERE r.user_id = c.user_id AND r.session_id = c.session_id AND r.run_id = c.run_id AND /* batch of r */ true;

UPDATE perdure.sessions s
   SET known_input_tokens = coalesce(input_tokens, 0), known_output_tokens = coalesce(output_tokens, 0),
       known_cached_tokens = coalesce(cached_tokens, 0), known_reasoning_tokens = coalesce(reasoning_tokens, 0),
       unmetered_calls = CASE WHEN input_tokens IS NULL OR output_tokens IS NULL THEN 1 ELSE 0 END
 WHERE /* batch of s */ true;
UPDATE perdure.sessions s
   SET unmetered_calls = r.unmetered, known_input_tokens = r.input, known_output_tokens = r.output,
       known_cached_tokens = r.cached, known_reasoning_tokens = r.reasoning, estimated_calls = r.estimated,
       estimated_input_tokens = r.estimated_input, estimated_nanos = r.estimated_nanos
  FROM (SELECT user_id, session_id, sum(unmetered_calls) AS unmetered, sum(known_input_tokens) AS input,
               sum(known_output_tokens) AS output, sum(known_cached_tokens) AS cached,
               sum(known_reasoning_tokens) AS reasoning, sum(estimated_calls) AS estimated,
               sum(estimated_input_tokens) AS estimated_input, sum(estimated_nanos) AS estimated_nanos
          FROM perdure.runs r WHERE /* batch of r */ true GROUP BY 1, 2) r
 WHERE s.user_id = r.user_id AND s.session_id = r.session_id AND /* batch of s */ true;

-- Waits that were left open by the end of their runs.
UPDATE perdure.waits w
   SET ended_at = greatest(w.started_at, r.ended_at)
  FROM perdure.runs r
 WHERE r.user_id = w.user_id AND r.session_id = w.session_id AND r.run_id = w.run_id
   AND w.ended_at IS NULL AND r.status NOT IN ('queued', 'running')
   AND /* batch of w */ true AND /* batch of r */ true;
