-- Agent versions that a session was imported with and that no worker of this installation has saved. Exports contain them;
-- runs never read them.
CREATE TABLE perdure.imported_agent_versions (
  user_id    text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  hash       text NOT NULL,
  spec       json NOT NULL,
  tools      json NOT NULL,
  PRIMARY KEY (user_id, session_id, hash)
);

-- Whether the run was imported with a pinned agent version or model that this installation does not have: when it is
-- resumed, it pins the current version.
ALTER TABLE perdure.runs ADD COLUMN foreign_pin boolean NOT NULL DEFAULT false;
