-- Runs that the calls of agents as tools have made: the link between a call and its run, which has the id `child_id` in place of
-- its session id, too. The row is written with the reply that makes the call; the run is admitted afterwards, and again by
-- upkeep where that was lost. Exports do not contain them.
CREATE TABLE perdure.child_runs (
  user_id      text COLLATE "C" NOT NULL,
  -- of the parent
  session_id   text COLLATE "C" NOT NULL,
  run_id       text COLLATE "C" NOT NULL,
  call_id      text COLLATE "C" NOT NULL,
  step         integer NOT NULL,
  position     integer NOT NULL,
  child_id     text COLLATE "C" NOT NULL,
  tool         text NOT NULL,
  agent        text NOT NULL,
  -- 1 for a child of a run that is nobody's child
  depth        integer NOT NULL,
  -- starting: not admitted yet. running: admitted, and its end not handed over. ended: handed over.
  -- orphaned: the parent's session was deleted, and the child is to be
  status       text NOT NULL CHECK (status IN ('starting', 'running', 'ended', 'orphaned')),
  outcome      text CHECK (outcome IN ('completed', 'failed', 'cancelled')),
  max_parallel integer,
  -- Policy of the child: its budget and its time
  policy       json NOT NULL,
  -- the part of the parent's budgets that is reserved for it while it has not ended, and what it has used then
  held_nanos   bigint NOT NULL,
  held_tokens  bigint NOT NULL,
  used_nanos   bigint NOT NULL DEFAULT 0,
  used_tokens  bigint NOT NULL DEFAULT 0,
  traceparent  text,
  noted_at     timestamptz NOT NULL,
  started_at   timestamptz,
  ended_at     timestamptz,
  PRIMARY KEY (user_id, session_id, run_id, call_id)
);
CREATE UNIQUE INDEX child_runs_by_child ON perdure.child_runs (user_id, child_id);
CREATE INDEX child_runs_open ON perdure.child_runs (user_id, session_id, run_id) WHERE status <> 'ended';

-- Whether a workflow that a tool has started is cancelled when its session ends: 'cancel', or null to leave it.
ALTER TABLE perdure.children ADD COLUMN on_session_end text;
ALTER TABLE perdure.children ADD CONSTRAINT children_on_session_end_check
  CHECK (on_session_end IN ('cancel')) NOT VALID;

-- [transaction]
ALTER TABLE perdure.children VALIDATE CONSTRAINT children_on_session_end_check;
