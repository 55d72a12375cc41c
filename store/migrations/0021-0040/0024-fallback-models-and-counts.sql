-- The models that are asked after `model`, in order; null for none. Pinned with the agent version.
ALTER TABLE perdure.runs ADD COLUMN fallback_models json;
-- The model, `provider/model`, that gave the output of a run with fallback models.
ALTER TABLE perdure.runs ADD COLUMN answer_model text;

-- [transaction]
-- Whether a failed call is the last that its step makes to its model: another one is asked next. Null: no.
ALTER TABLE perdure.model_calls ADD COLUMN gave_up boolean;

-- [transaction]
-- What an application has counted on a session, once per key.
CREATE TABLE perdure.recorded_counts (
  user_id       text COLLATE "C" NOT NULL,
  session_id    text COLLATE "C" NOT NULL,
  record_key    text COLLATE "C" NOT NULL,
  body_hash     text NOT NULL,
  requests      double precision NOT NULL,
  errors        double precision NOT NULL,
  processing_ms double precision NOT NULL,
  -- amounts by name
  counters      json NOT NULL,
  recorded_at   timestamptz NOT NULL,
  PRIMARY KEY (user_id, session_id, record_key)
);
-- [transaction]
-- The sums of the session's rows; null for none.
ALTER TABLE perdure.sessions ADD COLUMN recorded json;

-- The sums of each user's day, which remain when a session is deleted. Names that begin with @ are not counters.
CREATE TABLE perdure.recorded_days (
  user_id text COLLATE "C" NOT NULL,
  day     date NOT NULL,
  agent   text NOT NULL,
  name    text COLLATE "C" NOT NULL,
  amount  double precision NOT NULL,
  PRIMARY KEY (user_id, day, agent, name)
);
CREATE INDEX recorded_days_by_day ON perdure.recorded_days (day);
