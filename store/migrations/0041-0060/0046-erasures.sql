-- Erasures of everything that is stored of a user. The row of one that has ended names nobody.
CREATE TABLE perdure.erasures (
  erasure_id   text COLLATE "C" PRIMARY KEY,
  -- null once it has ended
  user_id      text COLLATE "C",
  requested_at timestamptz NOT NULL,
  -- the step in progress; null before a worker has begun
  step         text,
  -- what was erased, by place: {"temporal.executions": 3, "rows.events": 120}
  counts       jsonb NOT NULL DEFAULT '{}',
  -- why the last attempt of a step failed; null after one that succeeded
  error        text,
  ended_at     timestamptz
);
CREATE UNIQUE INDEX erasures_in_progress ON perdure.erasures (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX erasures_by_time ON perdure.erasures (requested_at, erasure_id);

-- What a provider is to delete for an erasure, so that its report counts what is left.
ALTER TABLE perdure.kept_conversations ADD COLUMN erasure_id text COLLATE "C";

-- Nothing is added of a user whose data is being erased, whatever the version of the process.
CREATE FUNCTION perdure.refuse_erased_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.user_id IS NULL THEN
    RETURN NULL;
  END IF;
  -- An erasure begins under the same lock: it sees what was committed before, and what comes later sees it.
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('perdure erasure ' || NEW.user_id, 0));
  IF EXISTS (SELECT FROM perdure.erasures e WHERE e.user_id = NEW.user_id) THEN
    RAISE EXCEPTION 'the data of this user is being erased' USING ERRCODE = 'PE001';
  END IF;
  RETURN NULL;
END $$;

-- Every table with rows of users, but those whose rows are only written under the row of a session or with a row of another table
-- that is guarded. So a step of a run fires no trigger, and a message fires one.
DO $$
DECLARE
  name text;
BEGIN
  FOR name IN
    SELECT c.table_name FROM information_schema.columns c
     WHERE c.table_schema = 'perdure' AND c.column_name = 'user_id'
       AND c.table_name NOT IN (
         -- of a session
         'events', 'runs', 'steps', 'tool_calls', 'waits', 'model_calls', 'context_calls', 'inbox', 'recorded_counts',
         'imported_agent_versions', 'archives', 'children', 'child_runs', 'attachment_references',
         -- of calls of providers
         'provider_places', 'provider_tickets', 'provider_turns',
         -- of an attachment, or of a memory
         'attachment_chunks', 'memory_words',
         -- of operators
         'audit', 'erasures', 'sweep_actions', 'kept_conversations')
  LOOP
    EXECUTE format(
      'CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.%I FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user()',
      name);
  END LOOP;
END $$;

-- An archived session that returns.
CREATE TRIGGER erasure_on_return AFTER UPDATE OF status ON perdure.sessions
  FOR EACH ROW WHEN (OLD.status = 'archived' AND NEW.status <> 'archived')
  EXECUTE FUNCTION perdure.refuse_erased_user();

-- [concurrently]
CREATE INDEX CONCURRENTLY kept_conversations_erased ON perdure.kept_conversations (erasure_id)
  WHERE erasure_id IS NOT NULL;
