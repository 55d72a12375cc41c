import { PerdureError } from '../../contracts/errors.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import type { InboxRow } from '../log/rows.ts';

/** Loads an item. Throws `not_found`. */
export async function loadItem(tx: Tx, key: SessionKey, itemId: string): Promise<InboxRow> {
  const [found] = await tx.query<{ item: InboxRow }>(
    `SELECT to_json(i) AS item FROM perdure.inbox i WHERE i.user_id = $1 AND i.session_id = $2 AND i.item_id = $3`,
    [key.user, key.session, itemId],
  );
  if (found) return found.item;
  throw new PerdureError(
    'not_found',
    `There is no inbox item ${JSON.stringify(itemId)} in the session ${JSON.stringify(key.session)}.`,
  );
}

/** Loads the pending items of a session, of all runs or of some, by the time of their requests. */
export async function loadPendingItems(
  tx: Tx,
  key: SessionKey,
  runIds: readonly string[] | null = null,
): Promise<InboxRow[]> {
  const rows = await tx.query<{ item: InboxRow }>(
    `SELECT to_json(i) AS item FROM perdure.inbox i
      WHERE i.user_id = $1 AND i.session_id = $2 AND i.status = 'pending'
        AND ($3::json IS NULL OR i.run_id IN (SELECT json_array_elements_text($3::json)))
      ORDER BY i.requested_at, i.item_id`,
    [key.user, key.session, runIds === null ? null : JSON.stringify(runIds)],
  );
  return rows.map(({ item }) => item);
}

/** Milliseconds until the next deadline or reminder of a session, at least 1; null without a pending item. */
export async function readDueInMs(tx: Tx, key: SessionKey): Promise<number | null> {
  const [row] = await tx.query<{ ms: number | null }>(
    `SELECT (extract(epoch FROM min(least(expires_at, remind_at)) - clock_timestamp()) * 1000)::float8 AS ms
       FROM perdure.inbox WHERE user_id = $1 AND session_id = $2 AND status = 'pending'`,
    [key.user, key.session],
  );
  const ms = row?.ms ?? null;
  return ms === null ? null : Math.max(1, Math.ceil(ms));
}
