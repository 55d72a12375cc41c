-- Archived sessions. Their rows in other tables are deleted; their row in `sessions` has the status archived.
CREATE TABLE perdure.archives (
  user_id     text COLLATE "C" NOT NULL,
  session_id  text COLLATE "C" NOT NULL,
  -- id of the document, and of its file if it is in a folder
  archive_id  text NOT NULL,
  archived_at timestamptz NOT NULL,
  -- size of the document before compression
  bytes       bigint NOT NULL,
  -- the document, compressed with gzip; NULL if it is a file
  data        bytea,
  PRIMARY KEY (user_id, session_id)
);
