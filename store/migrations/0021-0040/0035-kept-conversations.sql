-- What providers keep of sessions whose events are gone. Of an archived session: until it is restored. Of a deleted one, whose
-- user is not known here any more: an outbox, until the provider has deleted it (`due_at`), or until that was given up.
CREATE TABLE perdure.kept_conversations (
  -- `provider/model`
  model           text COLLATE "C" NOT NULL,
  kind            text NOT NULL CHECK (kind IN ('response', 'conversation')),
  conversation_id text COLLATE "C" NOT NULL,
  -- null once the session is deleted
  user_id         text COLLATE "C",
  session_id      text COLLATE "C",
  -- when the deletion is requested next; null while the session is archived, and once it was given up
  due_at          timestamptz,
  attempts        integer NOT NULL DEFAULT 0,
  -- code of the last failure
  error           text,
  PRIMARY KEY (model, kind, conversation_id)
);
CREATE INDEX kept_conversations_due ON perdure.kept_conversations (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX kept_conversations_archived ON perdure.kept_conversations (user_id, session_id) WHERE user_id IS NOT NULL;

-- What a clean-up of all users' sessions has deleted at providers, and what is left: {"deleted", "pending", "givenUp"}.
ALTER TABLE perdure.sweeps ADD COLUMN kept_conversations json;

-- [concurrently]
-- The replies with which a provider keeps the conversation.
CREATE INDEX CONCURRENTLY events_kept ON perdure.events (user_id, session_id, seq)
  WHERE type = 'message.completed' AND (data -> 'providerConversation') IS NOT NULL;
