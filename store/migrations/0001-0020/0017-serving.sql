-- The worker whose activity serves the session, that is, executes its runs one after the other; null when none does. Each
-- activity that begins to serve increments `epoch`, and what an earlier one writes afterwards is refused.
ALTER TABLE perdure.sessions ADD COLUMN served_by text COLLATE "C", ADD COLUMN epoch integer NOT NULL DEFAULT 0;

-- [transaction]
-- The trace of the message that queued the run, as a W3C traceparent: an activity that serves the session gets it from here.
ALTER TABLE perdure.runs ADD COLUMN traceparent text;

-- [concurrently]
CREATE INDEX CONCURRENTLY sessions_served ON perdure.sessions (served_by) WHERE served_by IS NOT NULL;
