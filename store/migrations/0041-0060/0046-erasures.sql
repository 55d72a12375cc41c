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

-- [transaction]
-- What a provider is to delete for an erasure, so that its report counts what is left.
ALTER TABLE perdure.kept_conversations ADD COLUMN erasure_id text COLLATE "C";

-- [transaction]
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

-- [transaction]
-- Every table with rows of users, but those whose rows are only written under the row of a session or with a row of another table
-- that is guarded. So a step of a run fires no trigger, and a message fires one. One table in each transaction, as its writers wait.
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.sessions
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.messages
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.message_refusals
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.user_budgets
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.budget_warnings
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.usage_days
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.run_stats
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.sweeps
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.row_claims
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.recorded_days
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.memories
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.memory_users
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.attachments
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.approval_rules
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.attachment_contents
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.embedding_calls
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
CREATE TRIGGER erasure_in_progress AFTER INSERT ON perdure.api_keys
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_erased_user();

-- [transaction]
-- An archived session that returns.
CREATE TRIGGER erasure_on_return AFTER UPDATE OF status ON perdure.sessions
  FOR EACH ROW WHEN (OLD.status = 'archived' AND NEW.status <> 'archived')
  EXECUTE FUNCTION perdure.refuse_erased_user();

-- [concurrently]
CREATE INDEX CONCURRENTLY kept_conversations_erased ON perdure.kept_conversations (erasure_id)
  WHERE erasure_id IS NOT NULL;
