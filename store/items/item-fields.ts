import type { InboxRow } from '../log/rows.ts';

/** The fields of every event of an item. */
export function itemFields({ item_id, run_id, step, call_id, tool }: InboxRow): {
  readonly itemId: string;
  readonly runId: string;
  readonly step: number;
  readonly callId: string;
  readonly tool: string;
} {
  return { itemId: item_id, runId: run_id, step, callId: call_id, tool };
}

/** The dedupe key of the event with which an item ends. */
export function endKey({ item_id }: InboxRow): string {
  return `item:${item_id}:end`;
}
