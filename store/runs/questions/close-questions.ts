import { endKey, itemFields } from '../../items/item-fields.ts';
import { loadPendingItems } from '../../items/load-items.ts';
import { withdrawItem } from '../../items/withdraw-items.ts';
import type { Tx } from '../../db/db.ts';
import type { LockedSession } from '../../log/lock-session.ts';
import type { PendingEvents } from '../../log/pending-events.ts';
import type { InboxRow, ToolCallRow } from '../../log/rows.ts';
import { closeCall } from '../close-call.ts';

/** Why a question is over without an answer: nobody has answered in time, or the call in which it was asked does not go on waiting. */
export type QuestionEnd = 'expired' | 'withdrawn';

const OUTCOME = {
  expired: { status: 'failed', error: 'No client has handed in a result in time.' },
  withdrawn: { status: 'cancelled', error: 'The call in which the server asked no longer waits for an answer.' },
} as const;

/** Closes calls that ask the user and still wait. Returns the rows of their items. The caller holds the session's lock, and saves calls and items. */
export async function closeQuestions(
  tx: Tx,
  session: LockedSession,
  pending: PendingEvents,
  calls: readonly ToolCallRow[],
  end: QuestionEnd,
): Promise<InboxRow[]> {
  const [first] = calls;
  if (!first) return [];
  const ids = new Set(calls.map(({ call_id: id }) => id));
  const items = (await loadPendingItems(tx, session.key, [first.run_id])).filter(({ call_id: id }) => ids.has(id));
  for (const item of items) {
    if (end === 'withdrawn') withdrawItem(pending, item);
    else {
      item.status = 'expired';
      item.remind_at = null;
      pending.add({ type: 'client_call.expired', ...itemFields(item) }, endKey(item));
    }
  }
  for (const call of calls) closeCall(pending, call, OUTCOME[end], session.at, null);
  return items;
}

/** The questions that were asked in calls which have ended, and that still wait. */
export function questionsOf(ended: readonly ToolCallRow[], openCalls: readonly ToolCallRow[]): ToolCallRow[] {
  const ids = new Set(ended.map(({ call_id: id }) => id));
  return openCalls.filter(({ program, status }) => program !== null && ids.has(program) && status === 'waiting');
}
