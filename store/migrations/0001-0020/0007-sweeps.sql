-- Reports of clean-ups. user_id is the user whose sessions were requested; NULL for all users.
CREATE TABLE perdure.sweeps (
  sweep_id   text COLLATE "C" PRIMARY KEY,
  user_id    text COLLATE "C",
  dry_run    boolean NOT NULL,
  seen       integer NOT NULL,
  -- number of sessions by action
  counts     jsonb NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at   timestamptz
);
CREATE TABLE perdure.sweep_actions (
  sweep_id   text COLLATE "C" NOT NULL,
  user_id    text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  action     text NOT NULL,
  reason     text NOT NULL,
  at         timestamptz NOT NULL,
  PRIMARY KEY (sweep_id, user_id, session_id)
);
