-- What a model call is for: `summary` of older messages, as step 0 of its run; null for the steps of a run.
ALTER TABLE perdure.model_calls ADD COLUMN kind text;

-- [concurrently]
-- What a context begins with: the newest summary, and the pinned messages before it.
CREATE INDEX CONCURRENTLY events_of_summaries ON perdure.events (user_id, session_id, seq)
  WHERE type = 'context.summarized';
CREATE INDEX CONCURRENTLY events_pinned ON perdure.events (user_id, session_id, seq)
  WHERE type = 'message.received' AND (data ->> 'pin') = 'true';
