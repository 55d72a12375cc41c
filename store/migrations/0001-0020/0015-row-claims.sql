-- Sessions whose rows in other tables are being inserted or deleted in several transactions. A claimed session has no row
-- in `sessions`, or is archived: its rows are not part of it yet, or no longer.
CREATE TABLE perdure.row_claims (
  user_id    text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  -- id of the operation
  holder     text NOT NULL,
  -- seq of the first event that is part of an archived session, which are its newest; NULL for one that does not exist
  own_from   integer,
  -- the holder renews it with every transaction; a claim that is no longer renewed is taken over
  renewed_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, session_id)
);

-- No session begins or returns while its key is claimed, whatever the version of the process. As a serialization failure,
-- the error has the transaction run again, and the request then sent again.
CREATE FUNCTION perdure.refuse_claimed_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- Whoever claims the key of a session that does not exist takes the same lock.
  PERFORM pg_advisory_xact_lock(hashtextextended('perdure rows ' || NEW.user_id || ' ' || NEW.session_id, 0));
  IF EXISTS (SELECT FROM perdure.row_claims c WHERE c.user_id = NEW.user_id AND c.session_id = NEW.session_id) THEN
    RAISE EXCEPTION 'the rows of this session are being inserted or deleted' USING ERRCODE = '40001';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER sessions_begin AFTER INSERT ON perdure.sessions
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_claimed_session();
CREATE TRIGGER sessions_return AFTER UPDATE OF status ON perdure.sessions
  FOR EACH ROW WHEN (OLD.status = 'archived' AND NEW.status <> 'archived')
  EXECUTE FUNCTION perdure.refuse_claimed_session();
