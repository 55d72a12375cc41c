import { LIMITS } from '../../contracts/limits.ts';
import type { InboxItem, InboxKind, InboxStatus } from '../../contracts/session/inbox-item.ts';
import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';
import { cursorOf, positionIn } from '../db/cursor.ts';
import type { Tx } from '../db/db.ts';
import type { InboxRow } from '../log/rows.ts';
import { inboxItemOf } from './inbox-record.ts';

export interface InboxQuery {
  /** Null, for operators: the items of all users. */
  readonly user: string | null;
  /** Also the items of other users that the users of these groups may answer. Default: none. */
  readonly groups?: readonly string[] | undefined;
  /** The id of an item, or its beginning or end. Default: all items. */
  readonly item?: string | undefined;
  /** Default: all sessions. */
  readonly session?: string | undefined;
  /** Default: all kinds. */
  readonly kind?: InboxKind | undefined;
  /** Default: `pending`. Null: all. */
  readonly status?: InboxStatus | null | undefined;
  /** At most `LIMITS.inboxPage`, the default. */
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface InboxPage {
  /** By the time of the request, the oldest first. */
  readonly items: readonly InboxItem[];
  readonly nextCursor: string | null;
}

/** Lists inbox items. Throws `invalid_request` for an invalid cursor. */
export async function listItems(db: Tx, query: InboxQuery): Promise<InboxPage> {
  const { user, session = null, kind = null, status = 'pending', cursor, groups = [], item = null } = query;
  const limit = Math.min(query.limit ?? LIMITS.inboxPage.value, LIMITS.inboxPage.value);
  const [at = null, id = null] = cursor === undefined ? [] : positionIn(cursor, ['string', 'string']);
  const rows = await db.query<{ item: InboxRow; user_id: string; session_id: string; at: string }>(
    `SELECT to_json(i) AS item, i.user_id, i.session_id, i.requested_at::text AS at FROM perdure.inbox i
      WHERE ($1::text IS NULL OR i.user_id = $1${ofGroups(groups)}) AND ($2::text IS NULL OR i.session_id = $2)
        AND ($3::text IS NULL OR i.kind = $3) AND ($4::text IS NULL OR i.status = $4)
        AND ($8::text IS NULL OR starts_with(i.item_id, $8) OR right(i.item_id, length($8)) = $8)
        AND ($5::timestamptz IS NULL OR (i.requested_at, i.item_id) > ($5::timestamptz, $6))
      ORDER BY i.requested_at, i.item_id LIMIT $7`,
    [user, session, kind, status, at, id, limit + 1, item, ...(groups.length === 0 ? [] : [JSON.stringify(groups)])],
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page.map((row) => inboxItemOf(row.item, sessionKey(row.user_id, row.session_id))),
    nextCursor: rows.length > limit && last ? cursorOf([last.at, last.item.item_id]) : null,
  };
}

/** SQL: or an item that a group in the parameter $9 may answer. Part of the statement only for users in groups, so that others use the index. */
function ofGroups(groups: readonly string[]): string {
  if (groups.length === 0) return '';
  return ` OR EXISTS (SELECT FROM json_array_elements(i.rules->'mayAnswer') m
                       WHERE m->>'group' IN (SELECT json_array_elements_text($9::json)))`;
}

/** The pending items of a session, by the time of their requests. */
export async function listPendingItems(db: Tx, { user, session }: SessionKey): Promise<readonly InboxItem[]> {
  return (await listItems(db, { user, session })).items;
}
