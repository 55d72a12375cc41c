import type { Tx } from '../db/db.ts';
import type { LockedSession } from '../log/lock-session.ts';
import type { PendingEvents } from '../log/pending-events.ts';
import type { InboxRow, RunRow, ToolCallRow } from '../log/rows.ts';
import { endKey, itemFields } from './item-fields.ts';
import { loadPendingItems } from './load-items.ts';

/** Withdraws the pending items of runs that end, and returns their rows. Executes no statement for runs whose calls wait for nobody. `except`: those that end otherwise. The caller holds the session's lock. */
export async function withdrawItems(
  tx: Tx,
  session: LockedSession,
  pending: PendingEvents,
  runs: readonly { readonly run: Pick<RunRow, 'run_id'>; readonly openCalls: readonly ToolCallRow[] }[],
  except: ReadonlySet<string> = new Set(),
): Promise<InboxRow[]> {
  const waiting = runs.filter(({ openCalls }) => openCalls.some(({ status }) => status === 'waiting'));
  if (waiting.length === 0) return [];
  const runIds = waiting.map(({ run }) => run.run_id);
  const items = (await loadPendingItems(tx, session.key, runIds)).filter(({ item_id: id }) => !except.has(id));
  for (const item of items) withdrawItem(pending, item);
  return items;
}

/** Withdraws a pending item. The caller saves it. */
export function withdrawItem(pending: PendingEvents, item: InboxRow): void {
  const type = item.kind === 'approval' ? 'approval.withdrawn' : 'client_call.withdrawn';
  pending.add({ type, ...itemFields(item) }, endKey(item));
  item.status = 'withdrawn';
  item.remind_at = null;
}
