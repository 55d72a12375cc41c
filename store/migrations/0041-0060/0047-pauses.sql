-- What operators have paused. Few rows: every process keeps them in memory.
CREATE TABLE perdure.pauses (
  kind    text NOT NULL CHECK (kind IN ('all', 'agent', 'tool', 'provider', 'user')),
  -- '' for all
  name    text COLLATE "C" NOT NULL,
  refuses boolean NOT NULL,
  stops   boolean NOT NULL,
  reason  text,
  actor   text COLLATE "C" NOT NULL,
  since   timestamptz NOT NULL,
  PRIMARY KEY (kind, name)
);
