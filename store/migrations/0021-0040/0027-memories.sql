-- What agents remember of a user, over all sessions. Each user's counters: `revision` numbers the user's changes, and the row is
-- the lock under which they are made.
CREATE TABLE perdure.memory_users (
  user_id  text COLLATE "C" NOT NULL PRIMARY KEY,
  revision bigint NOT NULL,
  -- rows in `memories`, superseded ones too
  memories integer NOT NULL
);

CREATE TABLE perdure.memories (
  user_id         text COLLATE "C" NOT NULL,
  memory_id       text COLLATE "C" NOT NULL,
  content         text NOT NULL,
  -- SHA-256 of the content
  content_hash    bytea NOT NULL,
  -- where it comes from; null where unknown
  session_id      text COLLATE "C",
  run_id          text COLLATE "C",
  message_id      text COLLATE "C",
  created_at      timestamptz NOT NULL,
  -- the first memory of a chain of corrections; those are forgotten together
  chain_id        text COLLATE "C" NOT NULL,
  -- the memory that this one corrects
  replaces        text COLLATE "C",
  -- the memory that corrects this one; null for a current memory
  superseded_by   text COLLATE "C",
  -- the words of a current memory by the configuration 'simple', each behind a hash of the user, so that the index finds those of
  -- one user without visiting those of others
  words           tsvector,
  -- null until the vector of the content is known
  embedding_model text,
  embedding       real[],
  -- the embedding in a few bits per dimension, for a search in memory
  code            bytea,
  -- the number of the change that last wrote this row's embedding
  revision        bigint NOT NULL,
  PRIMARY KEY (user_id, memory_id)
);
CREATE UNIQUE INDEX memories_by_content ON perdure.memories (user_id, content_hash) WHERE superseded_by IS NULL;
CREATE INDEX memories_by_time ON perdure.memories (user_id, created_at, memory_id) WHERE superseded_by IS NULL;
CREATE INDEX memories_by_user_model ON perdure.memories (user_id, embedding_model) WHERE superseded_by IS NULL;
CREATE INDEX memories_by_chain ON perdure.memories (user_id, chain_id);
CREATE UNIQUE INDEX memories_by_revision ON perdure.memories (user_id, revision) WHERE code IS NOT NULL;
CREATE INDEX memories_by_word ON perdure.memories USING gin (words) WITH (fastupdate = off);
-- In how many current memories of a user a word is: a search leaves out the words that are in most of them.
CREATE TABLE perdure.memory_words (
  user_id  text COLLATE "C" NOT NULL,
  word     text COLLATE "C" NOT NULL,
  memories integer NOT NULL,
  PRIMARY KEY (user_id, word)
);

-- Shared: which contents have users left, and which memories wait for a vector.
CREATE INDEX memories_by_hash ON perdure.memories (content_hash);
CREATE INDEX memories_by_model ON perdure.memories (embedding_model, user_id, memory_id) WHERE superseded_by IS NULL;

-- Shared: vectors by content. A row is removed with the last memory that has its content.
CREATE TABLE perdure.embeddings (
  content_hash bytea NOT NULL,
  model        text NOT NULL,
  embedding    real[] NOT NULL,
  PRIMARY KEY (content_hash, model)
);
