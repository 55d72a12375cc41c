-- When the session was created or last reopened. Its maximum age counts from here.
ALTER TABLE perdure.sessions ADD COLUMN opened_at timestamptz;
UPDATE perdure.sessions SET opened_at = created_at;
ALTER TABLE perdure.sessions ALTER COLUMN opened_at SET NOT NULL;
