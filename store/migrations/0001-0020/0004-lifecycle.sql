-- When the session was created or last reopened. Its maximum age counts from here.
ALTER TABLE perdure.sessions ADD COLUMN opened_at timestamptz;
-- For sessions that an older version creates meanwhile.
ALTER TABLE perdure.sessions ALTER COLUMN opened_at SET DEFAULT now();

-- [batches]
UPDATE perdure.sessions s SET opened_at = created_at WHERE /* batch of s */ true;

-- [transaction]
ALTER TABLE perdure.sessions ADD CONSTRAINT sessions_are_opened CHECK (opened_at IS NOT NULL) NOT VALID;

-- [transaction]
ALTER TABLE perdure.sessions VALIDATE CONSTRAINT sessions_are_opened;

-- [transaction]
-- The valid constraint saves reading the rows.
ALTER TABLE perdure.sessions ALTER COLUMN opened_at SET NOT NULL, ALTER COLUMN opened_at DROP DEFAULT;
ALTER TABLE perdure.sessions DROP CONSTRAINT sessions_are_opened;
