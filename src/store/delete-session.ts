import type { SessionKey } from '../contracts/session-key.ts';
import { dropArchive } from './archive-document.ts';
import type { Db, Tx } from './db.ts';
import { lockSession } from './lock-session.ts';
import { SESSION_TABLES } from './session-tables.ts';

/** Deletes a session and all that belongs to it, its archive included. False when there was none. The next message under its id starts afresh. */
export async function deleteSession(db: Db, key: SessionKey): Promise<boolean> {
  const removeFile = await db.transaction(async (tx) =>
    (await lockSession(tx, key)) ? await deleteLocked(db, tx, key) : null,
  );
  await removeFile?.();
  return removeFile !== null;
}

/** As {@link deleteSession}, of a session that the transaction holds. Answers what to call after the commit. */
export async function deleteLocked(db: Db, tx: Tx, key: SessionKey): Promise<() => Promise<void>> {
  await deleteRows(tx, key);
  const removeFile = await dropArchive(db, tx, key);
  await tx.query(`DELETE FROM perdure.sessions WHERE user_id = $1 AND session_id = $2`, [key.user, key.session]);
  return removeFile;
}

/** Deletes all but the session's own row. */
export async function deleteRows(tx: Tx, key: SessionKey): Promise<void> {
  for (const name of [...SESSION_TABLES.map((table) => table.name), 'provider_tickets']) {
    await tx.query(`DELETE FROM perdure.${name} WHERE user_id = $1 AND session_id = $2`, [key.user, key.session]);
  }
}
