-- State of model providers, shared by all workers, so that limits and circuits hold over all of them. A provider changes
-- under its row's lock, which is never held while waiting for a session's lock.

CREATE TABLE perdure.providers (
  provider text COLLATE "C" PRIMARY KEY,
  -- the provider state of core/providers
  state    json NOT NULL
);

-- A call in flight. The place of a call whose worker was lost is free after expires_at.
CREATE TABLE perdure.provider_places (
  place_id        text COLLATE "C" PRIMARY KEY,
  provider        text COLLATE "C" NOT NULL,
  user_id         text COLLATE "C" NOT NULL,
  session_id      text COLLATE "C" NOT NULL,
  run_id          text COLLATE "C" NOT NULL,
  -- the trial call of a half-open circuit
  trial           boolean NOT NULL,
  reserved_tokens integer NOT NULL,
  taken_at        timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL
);
CREATE INDEX provider_places_by_provider ON perdure.provider_places (provider, expires_at);

-- Runs that wait for a place, and when their next request is due.
CREATE TABLE perdure.provider_tickets (
  user_id    text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  run_id     text COLLATE "C" NOT NULL,
  provider   text COLLATE "C" NOT NULL,
  since      timestamptz NOT NULL,
  due_at     timestamptz NOT NULL,
  PRIMARY KEY (user_id, session_id, run_id)
);
CREATE INDEX provider_tickets_by_provider ON perdure.provider_tickets (provider, user_id, since);

-- Fair sharing between users: core/providers. Users without a row were not served since the virtual time.
CREATE TABLE perdure.provider_turns (
  provider text COLLATE "C" NOT NULL,
  user_id  text COLLATE "C" NOT NULL,
  finish   double precision NOT NULL,
  PRIMARY KEY (provider, user_id)
);

-- Waits of runs for their providers.
CREATE TABLE perdure.waits (
  user_id    text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  run_id     text COLLATE "C" NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('rate_limit', 'circuit', 'cool_down')),
  provider   text COLLATE "C" NOT NULL,
  started_at timestamptz NOT NULL,
  -- expected end, as last computed
  until_at   timestamptz,
  ended_at   timestamptz,
  PRIMARY KEY (user_id, session_id, run_id, started_at)
);
CREATE UNIQUE INDEX waits_open ON perdure.waits (user_id, session_id, run_id) WHERE ended_at IS NULL;
