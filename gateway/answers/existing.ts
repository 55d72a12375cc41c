import { PerdureError } from '../../contracts/errors.ts';
import type { RunDetail } from '../../contracts/session/run.ts';
import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../../store/db/db.ts';
import { readHead } from '../../store/read/read-head.ts';
import { readSession } from '../../store/read/read-session.ts';
import { readRun } from '../../store/read/read-run.ts';

/** The key of a session that the user has; `not_found` otherwise, for other users' sessions too. */
export async function existing(db: Db, user: string, session: string): Promise<SessionKey> {
  const key = sessionKey(user, session);
  if ((await readHead(db, key)) !== null) return key;
  throw new PerdureError(
    'not_found',
    `There is no session ${JSON.stringify(session)} of yours. Create it, or send it a message.`,
  );
}

/** As {@link existing}, and its content can be read: throws `session_archived` for one whose rows are in an archive. */
export async function readable(db: Db, user: string, session: string): Promise<SessionKey> {
  const key = await existing(db, user, session);
  if ((await readSession(db, key))?.status !== 'archived') return key;
  throw new PerdureError(
    'session_archived',
    `The session ${JSON.stringify(session)} is archived. Send it a message to restore it, or read its export.`,
  );
}

/** A run of the user's session; `not_found` otherwise. */
export async function existingRun(db: Db, key: SessionKey, runId: string): Promise<RunDetail> {
  const run = await readRun(db, key, runId);
  if (run !== null) return run;
  throw new PerdureError(
    'not_found',
    `There is no run ${JSON.stringify(runId.slice(0, 100))} in ${JSON.stringify(key.session)}, or it is not yours. List the session's runs.`,
  );
}
