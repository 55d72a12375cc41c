-- [concurrently]
-- Runs whose context providers have calls left for the background: the run's row is the outbox.
CREATE INDEX CONCURRENTLY runs_in_background ON perdure.runs (user_id, session_id, ordinal)
  WHERE (context ->> 'background') = 'true';
