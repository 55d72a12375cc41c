-- The build that a worker runs, where Temporal's worker versioning is on; null elsewhere and in rows of older workers.
ALTER TABLE perdure.workers ADD COLUMN build_id text;

-- [transaction]
-- The releases of agents to a share of users. An agent without a row is released to everybody, in the version of its workers.
CREATE TABLE perdure.agent_releases (
  agent      text COLLATE "C" PRIMARY KEY,
  -- version of the users who do not have the candidate
  base       text NOT NULL,
  -- null: none yet; everybody has the base
  candidate  text,
  -- share of users who have the candidate, 0 to 1
  share      double precision NOT NULL CHECK (share >= 0 AND share <= 1),
  -- with the user, determines who is among them; the same for a larger share of the same candidate
  salt       text NOT NULL,
  updated_at timestamptz NOT NULL
);

-- [transaction]
-- Stores whose schema was created before this column was part of the first migration.
ALTER TABLE perdure.steps ADD COLUMN IF NOT EXISTS attempts_before integer NOT NULL DEFAULT 0;
ALTER TABLE perdure.steps ALTER COLUMN attempts_before SET DEFAULT 0;
