-- Tool calls that wait for somebody: for an approval, or for the client that executes them. A run whose open calls all wait has the status
-- `waiting`.
ALTER TABLE perdure.runs DROP CONSTRAINT runs_status_check;
ALTER TABLE perdure.runs ADD CONSTRAINT runs_status_check
  CHECK (status IN ('queued', 'running', 'waiting', 'completed', 'failed', 'cancelled')) NOT VALID;
-- whether the session's queued runs wait behind this one while it waits; null: they do not
ALTER TABLE perdure.runs ADD COLUMN holds_queue boolean;

-- [transaction]
ALTER TABLE perdure.tool_calls DROP CONSTRAINT tool_calls_status_check;
ALTER TABLE perdure.tool_calls ADD CONSTRAINT tool_calls_status_check
  CHECK (status IN ('pending', 'running', 'waiting', 'completed', 'failed', 'unknown', 'cancelled')) NOT VALID;

CREATE TABLE perdure.inbox (
  user_id      text COLLATE "C" NOT NULL,
  session_id   text COLLATE "C" NOT NULL,
  item_id      text COLLATE "C" NOT NULL,
  run_id       text COLLATE "C" NOT NULL,
  call_id      text COLLATE "C" NOT NULL,
  step         integer NOT NULL,
  tool         text NOT NULL,
  agent        text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('approval', 'client')),
  hash         text NOT NULL,
  status       text NOT NULL CHECK (status IN ('pending', 'answered', 'expired', 'withdrawn')),
  -- as the model wrote them; those of the tool call are the ones that it is executed with
  arguments    json NOT NULL,
  -- {"onExpiry", "remindMs", "mayAnswer", "fourEyes", "schema"}, as the agent had them when the call was made
  rules        json NOT NULL,
  requested_at timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  -- of the next reminder
  remind_at    timestamptz,
  reminders    integer NOT NULL,
  answered_at  timestamptz,
  answered_by  text,
  decision     text CHECK (decision IN ('approve', 'reject')),
  reason       text,
  -- the arguments that the answer replaced those of the model by
  edited       json,
  PRIMARY KEY (user_id, session_id, item_id)
);
CREATE INDEX inbox_pending ON perdure.inbox (user_id, session_id, run_id) WHERE status = 'pending';
CREATE INDEX inbox_pending_of_all ON perdure.inbox (requested_at, item_id) WHERE status = 'pending';
CREATE INDEX inbox_of_user ON perdure.inbox (user_id, requested_at, item_id);

-- Remembered approvals: later calls of the tool by the agent are executed without asking.
CREATE TABLE perdure.approval_rules (
  user_id    text COLLATE "C" NOT NULL,
  -- empty for a rule of all sessions of the user
  session_id text COLLATE "C" NOT NULL,
  rule_id    text COLLATE "C" NOT NULL,
  agent      text NOT NULL,
  tool       text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, rule_id)
);
CREATE UNIQUE INDEX approval_rules_once ON perdure.approval_rules (user_id, session_id, agent, tool);

-- [transaction]
ALTER TABLE perdure.runs VALIDATE CONSTRAINT runs_status_check;

-- [transaction]
ALTER TABLE perdure.tool_calls VALIDATE CONSTRAINT tool_calls_status_check;

-- [concurrently]
CREATE INDEX CONCURRENTLY runs_open_or_waiting ON perdure.runs (user_id, session_id)
  WHERE status IN ('queued', 'running', 'waiting');
CREATE INDEX CONCURRENTLY tool_calls_open_or_waiting ON perdure.tool_calls (user_id, session_id, run_id)
  WHERE status IN ('pending', 'running', 'waiting');

-- [transaction]
DROP INDEX perdure.runs_open;
ALTER INDEX perdure.runs_open_or_waiting RENAME TO runs_open;

-- [transaction]
DROP INDEX perdure.tool_calls_open;
ALTER INDEX perdure.tool_calls_open_or_waiting RENAME TO tool_calls_open;
