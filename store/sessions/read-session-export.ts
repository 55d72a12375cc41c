import type { SessionExport } from '../../contracts/session/session-export.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { readArchive } from './session-archive.ts';
import type { Db } from '../db/db.ts';
import { lockExistingSession } from '../log/lock-session.ts';
import { readDocument } from './session-document.ts';

/** Reads a session as one document from one snapshot; the rows of an archived session come from its archive. Throws `not_found` and `too_large`. */
export async function readSessionExport(db: Db, key: SessionKey): Promise<SessionExport> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const now = await readDocument(tx, session);
    if (session.row.status !== 'archived') return now;
    const archived = await readArchive(db, tx, key);
    const tables = Object.entries(now.tables).map(([name, rows]) => [
      name,
      [...(archived.tables[name] ?? []), ...rows],
    ]);
    const status = archived.session.status;
    return {
      ...now,
      session: { ...now.session, status },
      agentVersions: archived.agentVersions,
      tables: Object.fromEntries(tables) as SessionExport['tables'],
    };
  });
}
