-- What operators read and did with the data of other users.
CREATE TABLE perdure.audit (
  audit_id   text COLLATE "C" NOT NULL PRIMARY KEY,
  at         timestamptz NOT NULL,
  actor      text COLLATE "C" NOT NULL,
  action     text NOT NULL,
  -- null: all users
  user_id    text COLLATE "C",
  session_id text COLLATE "C",
  run_id     text COLLATE "C"
);
CREATE INDEX audit_by_time ON perdure.audit (at, audit_id);
CREATE INDEX audit_by_user ON perdure.audit (user_id, at, audit_id);
