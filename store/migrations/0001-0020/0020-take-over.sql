-- When the sessions that a lost worker served were given to others; null until then.
ALTER TABLE perdure.workers ADD COLUMN taken_over_at timestamptz;
CREATE INDEX workers_not_taken_over ON perdure.workers (expires_at) WHERE taken_over_at IS NULL;

-- [concurrently]
-- Stops that were requested and not carried out yet; normally there is none.
CREATE INDEX CONCURRENTLY runs_to_stop ON perdure.runs (user_id, session_id) WHERE stop_reason IS NOT NULL AND status = 'running';
