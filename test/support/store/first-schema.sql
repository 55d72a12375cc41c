-- What a session is made of. Every table but agent_versions carries (user_id, session_id), and every statement filters
-- by both. There are no foreign keys: all writes go through the session row's lock, and checking a parent for each
-- event would cost more than the event. Text columns that are compared or sorted as ids use the "C" collation, so
-- that keyset pages are the same on every server.

CREATE TABLE perdure.sessions (
  user_id          text COLLATE "C" NOT NULL,
  session_id       text COLLATE "C" NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('session', 'run')),
  status           text NOT NULL CHECK (status IN ('active', 'completed', 'failed', 'expired', 'archived')),
  agent            text NOT NULL,
  metadata         jsonb NOT NULL,
  state            jsonb NOT NULL,
  policy           jsonb NOT NULL,
  -- seq of the newest event
  head             integer NOT NULL,
  messages         integer NOT NULL,
  runs             integer NOT NULL,
  errors           integer NOT NULL,
  -- the newest ordinal given to a run
  last_ordinal     integer NOT NULL,
  -- sums over committed steps; NULL is unknown, and stays so
  input_tokens     bigint,
  output_tokens    bigint,
  cached_tokens    bigint,
  reasoning_tokens bigint,
  end_reason       text,
  -- the start of the workflow that asked last; another one means that a workflow was lost
  execution        text,
  created_at       timestamptz NOT NULL,
  updated_at       timestamptz NOT NULL,
  last_active_at   timestamptz NOT NULL,
  PRIMARY KEY (user_id, session_id)
);
CREATE INDEX sessions_by_activity ON perdure.sessions (user_id, last_active_at DESC, session_id DESC);
CREATE INDEX sessions_of_all_by_activity ON perdure.sessions (last_active_at DESC, user_id DESC, session_id DESC);

CREATE TABLE perdure.events (
  user_id    text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  seq        integer NOT NULL,
  type       text NOT NULL,
  run_id     text COLLATE "C",
  step       integer,
  attempt    integer,
  at         timestamptz NOT NULL,
  -- names the fact, so that it cannot be recorded twice
  dedupe     text COLLATE "C",
  -- json, not jsonb: read back it is byte for byte what was sent live
  data       json NOT NULL,
  PRIMARY KEY (user_id, session_id, seq)
);
CREATE UNIQUE INDEX events_once ON perdure.events (user_id, session_id, dedupe) WHERE dedupe IS NOT NULL;
-- What a model call is shown of a run.
CREATE INDEX events_of_context ON perdure.events (user_id, session_id, run_id, seq)
  WHERE type = 'message.received' OR type = 'message.completed' OR type LIKE 'tool.%';

-- A message's content is in its message.received event only.
CREATE TABLE perdure.messages (
  user_id    text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  run_id     text COLLATE "C" NOT NULL,
  -- seq of its message.received
  seq        integer NOT NULL,
  body_hash  text NOT NULL,
  -- the run that it stopped
  interrupts text COLLATE "C",
  receipt    json NOT NULL,
  PRIMARY KEY (user_id, session_id, message_id)
);

CREATE TABLE perdure.runs (
  user_id          text COLLATE "C" NOT NULL,
  session_id       text COLLATE "C" NOT NULL,
  run_id           text COLLATE "C" NOT NULL,
  ordinal          integer NOT NULL,
  urgent           boolean NOT NULL,
  status           text NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
  agent            text NOT NULL,
  agent_version    text,
  model            text,
  message_ids      json NOT NULL,
  -- content of its messages, UTF-8
  bytes            integer NOT NULL,
  -- seq of its newest message.received: a reply that saw less does not complete the run
  last_message_seq integer NOT NULL,
  -- seq of its newest run.started: the order in which runs are told to the model
  started_seq      integer,
  resumes          integer NOT NULL,
  -- committed steps
  steps            integer NOT NULL,
  active_ms        double precision NOT NULL,
  input_tokens     bigint,
  output_tokens    bigint,
  cached_tokens    bigint,
  reasoning_tokens bigint,
  output           text,
  error            json,
  created_at       timestamptz NOT NULL,
  started_at       timestamptz,
  ended_at         timestamptz,
  PRIMARY KEY (user_id, session_id, run_id)
);
CREATE INDEX runs_open ON perdure.runs (user_id, session_id) WHERE status IN ('queued', 'running');
CREATE INDEX runs_by_start ON perdure.runs (user_id, session_id, started_seq) WHERE started_seq IS NOT NULL;
CREATE UNIQUE INDEX runs_by_ordinal ON perdure.runs (user_id, session_id, ordinal);

CREATE TABLE perdure.steps (
  user_id        text COLLATE "C" NOT NULL,
  session_id     text COLLATE "C" NOT NULL,
  run_id         text COLLATE "C" NOT NULL,
  step           integer NOT NULL,
  attempts       integer NOT NULL,
  committed      boolean NOT NULL,
  model          text,
  finish         text,
  usage          json,
  first_token_ms double precision,
  started_at     timestamptz NOT NULL,
  ended_at       timestamptz,
  PRIMARY KEY (user_id, session_id, run_id, step)
);

CREATE TABLE perdure.tool_calls (
  user_id         text COLLATE "C" NOT NULL,
  session_id      text COLLATE "C" NOT NULL,
  run_id          text COLLATE "C" NOT NULL,
  call_id         text COLLATE "C" NOT NULL,
  step            integer NOT NULL,
  -- its place among the calls of its step
  position        integer NOT NULL,
  tool            text NOT NULL,
  status          text NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'unknown', 'cancelled')),
  idempotent      boolean NOT NULL,
  idempotency_key text NOT NULL,
  arguments       json NOT NULL,
  result          json,
  error           text,
  attempts        integer NOT NULL,
  started_at      timestamptz,
  ended_at        timestamptz,
  PRIMARY KEY (user_id, session_id, run_id, call_id)
);
CREATE INDEX tool_calls_open ON perdure.tool_calls (user_id, session_id, run_id) WHERE status IN ('pending', 'running');

-- The declarative part of agents, by content: the same for every user.
CREATE TABLE perdure.agent_versions (
  hash     text PRIMARY KEY,
  spec     json NOT NULL,
  tools    json NOT NULL,
  saved_at timestamptz NOT NULL DEFAULT now()
);
