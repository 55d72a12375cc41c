-- Sessions that were archived: their rows in other tables are gone, and their row in `sessions` says so.
CREATE TABLE perdure.archives (
  user_id     text COLLATE "C" NOT NULL,
  session_id  text COLLATE "C" NOT NULL,
  -- names the document, in a folder too
  archive_id  text NOT NULL,
  archived_at timestamptz NOT NULL,
  -- of the document before compression
  bytes       bigint NOT NULL,
  -- gzip of the document; NULL where a folder holds it
  data        bytea,
  PRIMARY KEY (user_id, session_id)
);
