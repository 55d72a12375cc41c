import type { Db } from '../db.ts';
import type { SessionFilter, SessionPage } from '../list-sessions.ts';

export async function listAllSessions(
  _db: Db,
  _filter: SessionFilter & { readonly user?: string | undefined },
): Promise<SessionPage> {
  throw new Error('not written yet');
}
