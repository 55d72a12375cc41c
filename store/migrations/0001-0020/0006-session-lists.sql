-- Indexes for lists of sessions: a list with a single filter reads about as many rows as it returns. A turn of an active
-- session writes two more index entries, one per index by agent; the other indexes exclude active sessions, sessions
-- without errors, or sessions without metadata.

-- [concurrently]
CREATE INDEX CONCURRENTLY sessions_by_agent ON perdure.sessions (user_id, agent, last_active_at DESC, session_id DESC);
CREATE INDEX CONCURRENTLY sessions_of_all_by_agent ON perdure.sessions (agent, last_active_at DESC, user_id DESC, session_id DESC);

CREATE INDEX CONCURRENTLY sessions_by_status ON perdure.sessions (user_id, status, last_active_at DESC, session_id DESC)
  WHERE status <> 'active';
CREATE INDEX CONCURRENTLY sessions_of_all_by_status ON perdure.sessions (status, last_active_at DESC, user_id DESC, session_id DESC)
  WHERE status <> 'active';

CREATE INDEX CONCURRENTLY sessions_with_errors ON perdure.sessions (user_id, last_active_at DESC, session_id DESC)
  WHERE errors > 0;
CREATE INDEX CONCURRENTLY sessions_of_all_with_errors ON perdure.sessions (last_active_at DESC, user_id DESC, session_id DESC)
  WHERE errors > 0;

CREATE INDEX CONCURRENTLY sessions_by_metadata ON perdure.sessions USING gin (metadata jsonb_path_ops) WHERE metadata <> '{}';
