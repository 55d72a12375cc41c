-- What clean-ups did, to whom and why. user_id is whose sessions were asked for; NULL: everybody's.
CREATE TABLE perdure.sweeps (
  sweep_id   text COLLATE "C" PRIMARY KEY,
  user_id    text COLLATE "C",
  dry_run    boolean NOT NULL,
  seen       integer NOT NULL,
  -- sessions by action
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
