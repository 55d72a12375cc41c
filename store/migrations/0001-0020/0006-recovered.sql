-- Reason of the last recovery, which model calls are given; NULL once a run has completed since.
ALTER TABLE perdure.sessions ADD COLUMN recovered text;
