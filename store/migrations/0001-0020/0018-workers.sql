-- One row for each worker process. It is a lease that the process renews every second: a worker whose lease has expired
-- is dead or cut off from the store.
CREATE TABLE perdure.workers (
  -- the worker's identity in Temporal
  worker_id  text COLLATE "C" PRIMARY KEY,
  task_queue text COLLATE "C" NOT NULL,
  version    text NOT NULL,
  started_at timestamptz NOT NULL,
  renewed_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  -- since when it takes no more work; its activities may still be running
  draining_at timestamptz
);
CREATE INDEX workers_by_task_queue ON perdure.workers (task_queue, expires_at);

-- Refusals of messages whose senders had already received a receipt, also where no session was created. Rows are removed
-- some days later.
CREATE TABLE perdure.message_refusals (
  user_id    text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  code       text NOT NULL,
  detail     text NOT NULL,
  refused_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, session_id, message_id)
);
CREATE INDEX message_refusals_by_age ON perdure.message_refusals (user_id, refused_at);

-- [transaction]
-- When the next attempt follows a failed one; null when none follows, or in rows of older workers.
ALTER TABLE perdure.model_calls ADD COLUMN retry_at timestamptz;
