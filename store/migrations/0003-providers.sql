-- What all workers know of the providers of models, so that limits and circuits hold over all of them. Every change of a
-- provider is made under its row's lock, which is never held while a session's is waited for.

CREATE TABLE perdure.providers (
  provider text COLLATE "C" PRIMARY KEY,
  -- core/provider-state.ts
  state    json NOT NULL
);

-- A call that is going. One whose worker vanished comes back when it has expired.
CREATE TABLE perdure.provider_places (
  place_id        text COLLATE "C" PRIMARY KEY,
  provider        text COLLATE "C" NOT NULL,
  user_id         text COLLATE "C" NOT NULL,
  session_id      text COLLATE "C" NOT NULL,
  run_id          text COLLATE "C" NOT NULL,
  -- the one call of a half-open circuit
  trial           boolean NOT NULL,
  reserved_tokens integer NOT NULL,
  taken_at        timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL
);
CREATE INDEX provider_places_by_provider ON perdure.provider_places (provider, expires_at);

-- Runs that wait for a place now, and when they ask again.
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

-- Users who were served of late: core/fair-turn.ts. Without a row: not since the virtual time.
CREATE TABLE perdure.provider_turns (
  provider text COLLATE "C" NOT NULL,
  user_id  text COLLATE "C" NOT NULL,
  finish   double precision NOT NULL,
  PRIMARY KEY (provider, user_id)
);

-- Each time that a run waited for its provider.
CREATE TABLE perdure.waits (
  user_id    text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  run_id     text COLLATE "C" NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('rate_limit', 'circuit', 'cool_down')),
  provider   text COLLATE "C" NOT NULL,
  started_at timestamptz NOT NULL,
  -- when it should be over, as last reckoned
  until_at   timestamptz,
  ended_at   timestamptz,
  PRIMARY KEY (user_id, session_id, run_id, started_at)
);
CREATE UNIQUE INDEX waits_open ON perdure.waits (user_id, session_id, run_id) WHERE ended_at IS NULL;
