import { PerdureError } from '../../contracts/errors.ts';
import type { RunDetail } from '../../contracts/session/run.ts';
import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../../store/db/db.ts';
import { readHead } from '../../store/read/read-head.ts';
import { readSession } from '../../store/read/read-session.ts';
import { readRun } from '../../store/read/read-run.ts';
import { noSuchSession } from '../../store/log/lock-session.ts';

/** The key of an existing session of the user. Throws `not_found`, also for sessions of other users. */
export async function requireSession(db: Db, user: string, session: string): Promise<SessionKey> {
  const key = sessionKey(user, session);
  if ((await readHead(db, key)) === null) throw noSuchSession(key);
  return key;
}

/** As {@link requireSession}, for a session whose content is needed. Throws `session_archived` when its rows are in an archive. */
export async function requireReadableSession(db: Db, user: string, session: string): Promise<SessionKey> {
  const key = await requireSession(db, user, session);
  if ((await readSession(db, key))?.status !== 'archived') return key;
  throw new PerdureError(
    'session_archived',
    `The session ${JSON.stringify(session)} is archived. Send it a message to restore it, or read its export.`,
  );
}

/** A run of a session. Throws `not_found`. */
export async function requireRun(db: Db, key: SessionKey, runId: string): Promise<RunDetail> {
  const run = await readRun(db, key, runId);
  if (run !== null) return run;
  throw new PerdureError(
    'not_found',
    `The session ${JSON.stringify(key.session)} has no run ${JSON.stringify(runId.slice(0, 100))}, or it is not yours. List the session's runs.`,
  );
}
