-- Images and files that messages refer to by id. Owned by a user; removed when no session refers to them any more.
CREATE TABLE perdure.attachments (
  user_id       text COLLATE "C" NOT NULL,
  attachment_id text COLLATE "C" NOT NULL,
  name          text NOT NULL,
  content_type  text NOT NULL,
  size          bigint NOT NULL,
  sha256        text NOT NULL,
  -- When it was uploaded, or last sent as a data URL. Unused ones are kept for a while.
  created_at    timestamptz NOT NULL,
  -- False while its content is being received: nobody can refer to it, or read it.
  complete      boolean NOT NULL,
  PRIMARY KEY (user_id, attachment_id)
);
CREATE INDEX attachments_by_age ON perdure.attachments (created_at);

CREATE TABLE perdure.attachment_chunks (
  user_id       text COLLATE "C" NOT NULL,
  attachment_id text COLLATE "C" NOT NULL,
  position      integer NOT NULL,
  data          bytea NOT NULL,
  PRIMARY KEY (user_id, attachment_id, position),
  FOREIGN KEY (user_id, attachment_id) REFERENCES perdure.attachments ON DELETE CASCADE
);
-- Most content is compressed already, and a part of a chunk can then be read by itself.
ALTER TABLE perdure.attachment_chunks ALTER COLUMN data SET STORAGE EXTERNAL;

-- Which sessions refer to an attachment: while one does, the attachment cannot be deleted. A session's rows go with its own
-- row, which stays while the session is archived.
CREATE TABLE perdure.attachment_references (
  user_id       text COLLATE "C" NOT NULL,
  session_id    text COLLATE "C" NOT NULL,
  attachment_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (user_id, session_id, attachment_id),
  FOREIGN KEY (user_id, session_id) REFERENCES perdure.sessions ON DELETE CASCADE,
  FOREIGN KEY (user_id, attachment_id) REFERENCES perdure.attachments
);
CREATE INDEX attachment_references_by_attachment ON perdure.attachment_references (user_id, attachment_id);
