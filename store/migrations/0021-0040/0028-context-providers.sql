-- Progress of the context providers of a run, as JSON: {"phase": "before" | "steps" | "after", "after": boolean}. `before`:
-- contributions are missing, so no model call may begin; `steps`: they are stored; `after`: the answer is committed, and
-- calls of `afterRun` are missing. `after`: whether a provider has one. Null: the run's agent lists none.
ALTER TABLE perdure.runs ADD COLUMN context json;

-- Calls of context providers, one for each provider and phase of a run.
CREATE TABLE perdure.context_calls (
  user_id      text COLLATE "C" NOT NULL,
  session_id   text COLLATE "C" NOT NULL,
  run_id       text COLLATE "C" NOT NULL,
  phase        text NOT NULL CHECK (phase IN ('before', 'after')),
  provider     text COLLATE "C" NOT NULL,
  -- order among the providers of the agent
  position     integer NOT NULL,
  status       text NOT NULL CHECK (status IN ('running', 'completed', 'skipped', 'failed')),
  attempts     integer NOT NULL,
  -- what the provider adds to the model calls of the run: {"instructions", "messages", "tools"}
  contribution json,
  error        text,
  started_at   timestamptz NOT NULL,
  ended_at     timestamptz,
  PRIMARY KEY (user_id, session_id, run_id, phase, provider)
);
