-- Workflows started by tools of a session. Only Temporal knows whether one is running; `ended_at` avoids asking about
-- ended ones again. Exports do not contain them.
CREATE TABLE perdure.children (
  user_id     text COLLATE "C" NOT NULL,
  session_id  text COLLATE "C" NOT NULL,
  workflow_id text COLLATE "C" NOT NULL,
  type        text NOT NULL,
  task_queue  text NOT NULL,
  run_id      text COLLATE "C" NOT NULL,
  tool        text NOT NULL,
  noted_at    timestamptz NOT NULL,
  ended_at    timestamptz,
  PRIMARY KEY (user_id, session_id, workflow_id)
);
CREATE INDEX children_open ON perdure.children (user_id, session_id, noted_at) WHERE ended_at IS NULL;
