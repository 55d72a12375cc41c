-- Indexes for lists of runs of all users. Only runs that have ended are in them, so that a step of a run adds no index entry: those
-- that are open are found by `runs_open`.

-- [concurrently]
CREATE INDEX CONCURRENTLY runs_ended ON perdure.runs (created_at) WHERE status IN ('completed', 'failed', 'cancelled');
CREATE INDEX CONCURRENTLY runs_ended_by_agent ON perdure.runs (agent, created_at) WHERE status IN ('completed', 'failed', 'cancelled');
CREATE INDEX CONCURRENTLY runs_failed ON perdure.runs (created_at) WHERE status = 'failed';
