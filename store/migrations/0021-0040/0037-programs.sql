-- Calls of tools that a program of the model makes.
ALTER TABLE perdure.tool_calls ADD COLUMN program text COLLATE "C";

-- [concurrently]
CREATE INDEX CONCURRENTLY tool_calls_of_program ON perdure.tool_calls (user_id, session_id, run_id, program) WHERE program IS NOT NULL;
