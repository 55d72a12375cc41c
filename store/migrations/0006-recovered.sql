-- Why the session was recovered last, until a run has completed since: model calls are told of it. NULL for most.
ALTER TABLE perdure.sessions ADD COLUMN recovered text;
