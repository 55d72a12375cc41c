-- Work that one worker at a time does for all, such as repairing what Temporal may have lost. `state` is what the next
-- holder continues from.
CREATE TABLE perdure.leases (
  name       text COLLATE "C" PRIMARY KEY,
  holder     text NOT NULL,
  expires_at timestamptz NOT NULL,
  state      jsonb NOT NULL
);
