-- What a worker has begun since it was started: {"runs", "measured", "waitedMs"}. Null in rows of older workers, which do not
-- report it.
ALTER TABLE perdure.workers ADD COLUMN begun jsonb;

-- [transaction]
-- Rows that each step updates get room in their page, so that an update that changes no indexed column adds no index entries.
ALTER TABLE perdure.sessions SET (fillfactor = 50);

-- [transaction]
ALTER TABLE perdure.runs SET (fillfactor = 60);
