-- Contents of attachments outside the database: in a folder, or in an object store (decision 31). Each has a key of its own that
-- is never used again, so a removal that is late or repeated cannot remove another content.
CREATE TABLE perdure.attachment_contents (
  content_key text COLLATE "C" PRIMARY KEY,
  user_id     text COLLATE "C" NOT NULL,
  -- Where it is: 'folder' or 's3'.
  place       text NOT NULL,
  sha256      text NOT NULL,
  size        bigint NOT NULL,
  created_at  timestamptz NOT NULL
);
-- A content is kept once per user and place.
CREATE UNIQUE INDEX attachment_contents_by_hash ON perdure.attachment_contents (user_id, place, sha256);

-- Contents to be removed: those that no attachment has any more, and, due later, those that are being written.
CREATE TABLE perdure.attachment_removals (
  content_key text COLLATE "C" PRIMARY KEY,
  place       text NOT NULL,
  due_at      timestamptz NOT NULL,
  -- Once true, nobody can make the content that of an attachment.
  removing    boolean NOT NULL
);
CREATE INDEX attachment_removals_by_time ON perdure.attachment_removals (due_at);

-- Null: the content is in attachment_chunks. While an attachment has a content, its row cannot be deleted.
ALTER TABLE perdure.attachments ADD COLUMN content_key text COLLATE "C" REFERENCES perdure.attachment_contents;

-- Begins every key, so that several deployments can share a bucket.
CREATE TABLE perdure.attachment_key_prefix (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  prefix  text NOT NULL
);
INSERT INTO perdure.attachment_key_prefix (prefix) VALUES (replace(gen_random_uuid()::text, '-', ''));

-- Requests for vectors of memories that were charged to a user. Their sums are in usage_days, which remain.
CREATE TABLE perdure.embedding_calls (
  call_id      text COLLATE "C" PRIMARY KEY,
  user_id      text COLLATE "C" NOT NULL,
  -- The session and the run that caused it; null for a request of a client, and for the upkeep of vectors.
  session_id   text COLLATE "C",
  run_id       text COLLATE "C",
  day          date NOT NULL,
  made_at      timestamptz NOT NULL,
  model        text NOT NULL,
  texts        integer NOT NULL,
  -- as the endpoint reports; null if it does not
  input_tokens bigint,
  -- null: unknown
  cost_nanos   bigint,
  price_source text,
  price_date   text,
  -- what budgets are charged where the tokens are not known
  estimated_input_tokens bigint,
  estimated_nanos        bigint
);
CREATE INDEX embedding_calls_of_session ON perdure.embedding_calls (user_id, session_id, run_id);
CREATE INDEX embedding_calls_by_time ON perdure.embedding_calls (made_at);

-- [concurrently]
CREATE INDEX CONCURRENTLY attachments_by_content ON perdure.attachments (content_key) WHERE content_key IS NOT NULL;
