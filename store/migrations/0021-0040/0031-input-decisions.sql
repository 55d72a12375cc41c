-- [concurrently]
-- What input middleware decides on a message belongs to the context of model calls.
CREATE INDEX CONCURRENTLY events_of_context_and_input ON perdure.events (user_id, session_id, run_id, seq)
  WHERE type = 'message.received' OR type LIKE 'input.%' OR type = 'message.completed' OR type LIKE 'tool.%';

-- [transaction]
DROP INDEX perdure.events_of_context;
ALTER INDEX perdure.events_of_context_and_input RENAME TO events_of_context;
