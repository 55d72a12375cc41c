-- Batches of operators: one action on many runs or sessions.
CREATE TABLE perdure.batches (
  batch_id   text COLLATE "C" PRIMARY KEY,
  -- the user of the filter; null for all users
  user_id    text COLLATE "C",
  action     text NOT NULL CHECK (action IN ('cancel', 'resume', 'end', 'archive')),
  -- BatchOrder of contracts/admin/batch.ts, without the user
  request    jsonb NOT NULL,
  body_hash  text NOT NULL,
  actor      text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  -- when a worker has begun; null before
  begun_at   timestamptz,
  -- the cursor after which the next page of what matches is selected; null at the start, and when all is selected
  position   text,
  -- when all is selected
  selected_at timestamptz,
  truncated  boolean NOT NULL DEFAULT false,
  matched    integer NOT NULL DEFAULT 0,
  done       integer NOT NULL DEFAULT 0,
  skipped    integer NOT NULL DEFAULT 0,
  failed     integer NOT NULL DEFAULT 0,
  ended_at   timestamptz,
  cancelled  boolean NOT NULL DEFAULT false
);
CREATE INDEX batches_by_time ON perdure.batches (created_at, batch_id);
CREATE INDEX batches_open ON perdure.batches (created_at) WHERE ended_at IS NULL;

-- The runs and sessions of a batch, in the order in which they are changed.
CREATE TABLE perdure.batch_items (
  batch_id   text COLLATE "C" NOT NULL,
  item       integer NOT NULL,
  user_id    text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  -- '' for a session
  run_id     text COLLATE "C" NOT NULL,
  -- when the change was first tried: what an attempt that was interrupted has changed counts as done
  begun_at   timestamptz,
  outcome    text CHECK (outcome IN ('done', 'skipped', 'failed')),
  code       text,
  detail     text,
  ended_at   timestamptz,
  PRIMARY KEY (batch_id, item)
);
CREATE UNIQUE INDEX batch_items_once ON perdure.batch_items (batch_id, user_id, session_id, run_id);
CREATE INDEX batch_items_pending ON perdure.batch_items (batch_id, item) WHERE outcome IS NULL;
