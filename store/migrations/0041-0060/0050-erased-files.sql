-- Files are removed after the commit that no longer needs them. Whose they are, so that an erasure removes them at once; null in rows
-- of older processes, and once an erasure has removed a file that somebody may still be writing.
ALTER TABLE perdure.attachment_removals ADD COLUMN user_id text COLLATE "C";

-- Files of archives to remove: planned before one is written, and when a session is restored or deleted. A row that stays means that
-- the process has died before it removed the file, or that the folder has failed.
CREATE TABLE perdure.archive_removals (
  archive_id text COLLATE "C" PRIMARY KEY,
  user_id    text COLLATE "C",
  due_at     timestamptz NOT NULL,
  -- Once true, nobody can make the file that of an archive.
  removing   boolean NOT NULL
);
CREATE INDEX archive_removals_by_time ON perdure.archive_removals (due_at);
CREATE INDEX archive_removals_by_user ON perdure.archive_removals (user_id) WHERE user_id IS NOT NULL;

-- The executions that an erasure in progress has found in Temporal, so that its report counts each of them once.
CREATE TABLE perdure.erased_executions (
  erasure_id text COLLATE "C" NOT NULL,
  -- the id of the execution, which names nobody
  run_id     text COLLATE "C" NOT NULL,
  PRIMARY KEY (erasure_id, run_id)
);

-- [concurrently]
CREATE INDEX CONCURRENTLY attachment_removals_by_user ON perdure.attachment_removals (user_id) WHERE user_id IS NOT NULL;
