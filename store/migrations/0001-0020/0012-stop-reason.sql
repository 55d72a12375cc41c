-- Why the session's workflow has requested the stop of an open run. Temporal's cancellation of an activity carries no
-- reason. NULL: no stop was requested since the run was admitted or last resumed.
ALTER TABLE perdure.runs ADD COLUMN stop_reason text;
