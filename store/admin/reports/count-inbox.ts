import type { InboxKind } from '../../../contracts/session/inbox-item.ts';
import type { Db } from '../../db/db.ts';
import { isClaimed } from '../../rows/row-claims.ts';

/** What waits for an answer, of one kind. */
export interface InboxCount {
  readonly kind: InboxKind;
  readonly pending: number;
  /** Age of the oldest one in seconds; 0 without one. */
  readonly oldestSeconds: number;
}

/** For operators: counts the pending inbox items of all users, by kind. */
export async function countInbox(db: Db): Promise<InboxCount[]> {
  return await db.query<InboxCount>(
    `SELECT k.kind, count(i.item_id)::int AS pending,
            coalesce(greatest(0, extract(epoch FROM clock_timestamp() - min(i.requested_at))), 0)::float8 AS "oldestSeconds"
       FROM (VALUES ('approval'), ('client')) k (kind)
       LEFT JOIN perdure.inbox i ON i.kind = k.kind AND i.status = 'pending' AND NOT ${isClaimed('i')}
      GROUP BY k.kind ORDER BY k.kind`,
    [],
  );
}
