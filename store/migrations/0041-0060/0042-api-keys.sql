-- API keys. The keys themselves are not stored: a key has 256 random bits, so its SHA-256 needs no salt.
CREATE TABLE perdure.api_keys (
  key_id       text COLLATE "C" NOT NULL PRIMARY KEY,
  key_hash     bytea NOT NULL UNIQUE,
  -- the first characters, for people
  hint         text NOT NULL,
  name         text NOT NULL,
  user_id      text COLLATE "C" NOT NULL,
  role         text NOT NULL,
  created_at   timestamptz NOT NULL,
  created_by   text COLLATE "C" NOT NULL,
  -- null: never
  expires_at   timestamptz,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  revoked_by   text COLLATE "C"
);
CREATE INDEX api_keys_by_time ON perdure.api_keys (created_at, key_id);
CREATE INDEX api_keys_by_user ON perdure.api_keys (user_id, created_at, key_id);

-- Random secrets that all gateways share, such as the one that signs stream tokens.
CREATE TABLE perdure.secrets (
  name  text COLLATE "C" NOT NULL PRIMARY KEY,
  value bytea NOT NULL
);
