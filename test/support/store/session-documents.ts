import type { SessionExport } from '../../../contracts/session/session-export.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { SessionLimits } from '../../../contracts/session/session-limits.ts';
import type { Db } from '../../../store/db/db.ts';
import { documents } from '../../../store/documents/document-process.ts';
import { createFromExport } from '../../../store/sessions/create-from-export.ts';
import { readSessionExport } from '../../../store/sessions/read-session-export.ts';

/** The export of a session, parsed. */
export async function exportOf(db: Db, key: SessionKey): Promise<SessionExport> {
  return JSON.parse((await readSessionExport(db, key)).join('')) as SessionExport;
}

/** Imports a document as a gateway does. */
export async function importDocument(db: Db, key: SessionKey, document: SessionExport, limits?: SessionLimits) {
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  return await createFromExport(db, key, await documents.prepareImport({ bytes, ...key }), limits);
}
