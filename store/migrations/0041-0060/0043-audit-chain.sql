-- The audit trail is append-only, and each entry has the hash of the one before it. A trigger computes the hashes, so that
-- entries of older processes are in the chain too.
ALTER TABLE perdure.audit
  -- what else the act concerns, such as the id of an API key
  ADD COLUMN subject text COLLATE "C",
  ADD COLUMN seq bigint,
  ADD COLUMN previous_hash bytea,
  ADD COLUMN hash bytea;

-- One row: the newest entry. Its lock orders the entries, and is held until the transaction of an entry ends.
CREATE TABLE perdure.audit_head (
  one  boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (one),
  seq  bigint NOT NULL,
  hash bytea NOT NULL
);
INSERT INTO perdure.audit_head (seq, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

-- For each gap that the retention has left: its last entry.
CREATE TABLE perdure.audit_anchors (
  seq        bigint NOT NULL PRIMARY KEY,
  hash       bytea NOT NULL,
  removed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Each field with its length in bytes, so that no two entries have the same text; "-" for null.
CREATE FUNCTION perdure.audit_field(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN value IS NULL THEN '-' ELSE octet_length(value) || ':' || value END;
$$;

-- core/audit/audit-hash.ts computes the same.
CREATE FUNCTION perdure.audit_hash(entry perdure.audit) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256((entry).previous_hash || convert_to(
    perdure.audit_field((entry).seq::text) ||
    perdure.audit_field((entry).audit_id) ||
    perdure.audit_field(to_char((entry).at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) ||
    perdure.audit_field((entry).actor) ||
    perdure.audit_field((entry).action) ||
    perdure.audit_field((entry).user_id) ||
    perdure.audit_field((entry).session_id) ||
    perdure.audit_field((entry).run_id) ||
    perdure.audit_field((entry).subject), 'UTF8'));
$$;

CREATE FUNCTION perdure.chain_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  head perdure.audit_head;
BEGIN
  SELECT * INTO STRICT head FROM perdure.audit_head FOR UPDATE;
  NEW.seq := head.seq + 1;
  NEW.previous_hash := head.hash;
  NEW.hash := perdure.audit_hash(NEW);
  UPDATE perdure.audit_head SET seq = NEW.seq, hash = NEW.hash;
  RETURN NEW;
END $$;

-- Entries from before this migration.
DO $$
DECLARE
  entry perdure.audit;
  head perdure.audit_head;
BEGIN
  SELECT * INTO STRICT head FROM perdure.audit_head FOR UPDATE;
  FOR entry IN SELECT * FROM perdure.audit ORDER BY at, audit_id LOOP
    head.seq := head.seq + 1;
    entry.seq := head.seq;
    entry.previous_hash := head.hash;
    head.hash := perdure.audit_hash(entry);
    UPDATE perdure.audit SET seq = head.seq, previous_hash = entry.previous_hash, hash = head.hash
     WHERE audit_id = entry.audit_id;
  END LOOP;
  UPDATE perdure.audit_head SET seq = head.seq, hash = head.hash;
END $$;

ALTER TABLE perdure.audit
  ALTER COLUMN seq SET NOT NULL,
  ALTER COLUMN previous_hash SET NOT NULL,
  ALTER COLUMN hash SET NOT NULL;
CREATE UNIQUE INDEX audit_by_seq ON perdure.audit (seq);

CREATE TRIGGER audit_chain BEFORE INSERT ON perdure.audit
  FOR EACH ROW EXECUTE FUNCTION perdure.chain_audit_entry();

CREATE FUNCTION perdure.refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('perdure.audit_retention', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'The audit trail is append-only: % of perdure.audit is refused. Old entries are removed by perdure.remove_old_audit.', TG_OP;
END $$;

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON perdure.audit
  FOR EACH ROW EXECUTE FUNCTION perdure.refuse_audit_change();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON perdure.audit
  FOR EACH STATEMENT EXECUTE FUNCTION perdure.refuse_audit_change();

-- The retention: removes the entries before a time, and keeps the hash of the last one of each gap, so that the rest can
-- still be verified. Returns how many it removed.
CREATE FUNCTION perdure.remove_old_audit(before timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  removed bigint;
BEGIN
  IF NOT EXISTS (SELECT FROM perdure.audit WHERE at < before) THEN
    RETURN 0;
  END IF;
  PERFORM FROM perdure.audit_head FOR UPDATE;
  PERFORM set_config('perdure.audit_retention', 'on', true);
  WITH gone AS (DELETE FROM perdure.audit WHERE at < before RETURNING seq, hash),
  kept AS (
    INSERT INTO perdure.audit_anchors (seq, hash)
    SELECT g.seq, g.hash FROM gone g WHERE NOT EXISTS (SELECT FROM gone n WHERE n.seq = g.seq + 1))
  SELECT count(*) INTO removed FROM gone;
  PERFORM set_config('perdure.audit_retention', 'off', true);
  -- The anchor of an earlier gap is needed no more once the gap has grown beyond it.
  DELETE FROM perdure.audit_anchors a USING perdure.audit_head h
   WHERE a.seq <> h.seq AND NOT EXISTS (SELECT FROM perdure.audit e WHERE e.seq = a.seq + 1);
  RETURN removed;
END $$;
