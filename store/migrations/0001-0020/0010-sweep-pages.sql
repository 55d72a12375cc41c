-- The current page of a sweep, so that a page that another worker restarts covers the same sessions and counts them once:
-- {"after": [user, session] or null, "last": [user, session]}.
ALTER TABLE perdure.sweeps ADD COLUMN page jsonb;
-- Cursors have a precision of milliseconds.
UPDATE perdure.sweeps SET started_at = date_trunc('milliseconds', started_at);
CREATE INDEX sweeps_by_start ON perdure.sweeps (user_id, started_at DESC, sweep_id DESC);
CREATE INDEX sweeps_of_all_by_start ON perdure.sweeps (started_at DESC, sweep_id DESC);
