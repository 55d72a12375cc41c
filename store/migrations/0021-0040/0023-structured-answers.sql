-- The structured answer of a run, as JSON; null for runs that answer in text.
ALTER TABLE perdure.runs ADD COLUMN object json;
