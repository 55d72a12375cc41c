import { PerdureError } from '../../contracts/errors.ts';
import type { RunDetail } from '../../contracts/session/run.ts';
import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../../store/db/db.ts';
import { findRun } from '../../store/read/find-run.ts';
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
    `The session ${JSON.stringify(session)} is archived. Restore it with \`perdure restore\` or POST /v1/sessions/{id}/restore, or read its export.`,
  );
}

/** The key of the session that contains a run of the user. Throws `not_found`. */
export async function requireSessionOfRun(db: Db, user: string, runId: string): Promise<SessionKey> {
  // Validates the user.
  const { user: owner } = sessionKey(user, runId);
  const key = await findRun(db, owner, runId);
  if (key !== null) return key;
  throw new PerdureError(
    'not_found',
    `There is no run ${JSON.stringify(runId.slice(0, 100))} in any of your sessions. \`perdure runs <session>\` lists a session's runs.`,
  );
}

/** A run of a session. Throws `not_found`. */
export async function requireRun(db: Db, key: SessionKey, runId: string): Promise<RunDetail> {
  const run = await readRun(db, key, runId);
  if (run !== null) return run;
  throw noSuchRun(key, runId);
}

/** The `not_found` error for a run. */
export function noSuchRun(key: SessionKey, runId: string): PerdureError {
  return new PerdureError(
    'not_found',
    `The session ${JSON.stringify(key.session)} has no run ${JSON.stringify(runId.slice(0, 100))}, or it is not yours. List the session's runs.`,
  );
}

/** As {@link requireReadableSession}, and the key of a session that does not exist. */
export async function possiblyAbsentSession(db: Db, user: string, session: string): Promise<SessionKey> {
  try {
    return await requireReadableSession(db, user, session);
  } catch (error) {
    if (error instanceof PerdureError && error.code === 'not_found') return sessionKey(user, session);
    throw error;
  }
}
