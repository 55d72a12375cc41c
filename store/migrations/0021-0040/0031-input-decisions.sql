-- What input middleware decides on a message belongs to the context of model calls.
DROP INDEX perdure.events_of_context;
CREATE INDEX events_of_context ON perdure.events (user_id, session_id, run_id, seq)
  WHERE type = 'message.received' OR type LIKE 'input.%' OR type = 'message.completed' OR type LIKE 'tool.%';
