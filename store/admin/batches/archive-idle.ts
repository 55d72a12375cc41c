import type { PerdureEvent } from '../../../contracts/events/event.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../db/db.ts';
import { lockSession } from '../../log/lock-session.ts';
import { archiveLocked } from '../../sessions/archive-session.ts';
import { hasOpenRun } from '../../sessions/expire-if-due.ts';
import { withPackedSession } from '../../sessions/pack-session.ts';

/** What became of a session that was to be archived. */
export type ArchivedIdle =
  | { readonly kind: 'absent' | 'has_open_run' | 'unchanged' }
  /** `deactivated`: it was active. The caller notifies its workflow. */
  | { readonly kind: 'archived'; readonly events: PerdureEvent[]; readonly deactivated: boolean };

/** For operators: archives a session without an open run. Throws `too_large`. */
export async function archiveIdle(db: Db, key: SessionKey): Promise<ArchivedIdle> {
  return await withPackedSession(db, key, async (source) =>
    db.transaction(async (tx): Promise<ArchivedIdle> => {
      const session = await lockSession(tx, key);
      if (!session) return { kind: 'absent' };
      if (session.row.status === 'archived') return { kind: 'unchanged' };
      if (await hasOpenRun(tx, key)) return { kind: 'has_open_run' };
      const deactivated = session.row.status === 'active';
      return { kind: 'archived', events: await archiveLocked(db, tx, session, source), deactivated };
    }),
  );
}
