import { mayAnswer, type AnsweringUser } from '../../core/tools/may-answer.ts';
import type { Tx } from '../db/db.ts';
import { endKey, itemFields } from '../items/item-fields.ts';
import { loadPendingItems } from '../items/load-items.ts';
import type { LockedSession } from '../log/lock-session.ts';
import type { PendingEvents } from '../log/pending-events.ts';
import type { InboxRow, ToolCallRow } from '../log/rows.ts';
import { resumeProgram } from '../programs/resume-program.ts';
import { loadRun, type LoadedRun } from '../runs/load-run.ts';

/** An approval that is remembered, and who has given it. */
export interface RememberedApproval {
  readonly item: InboxRow;
  readonly by: AnsweringUser;
}

/** What an approval of other calls changes, for the caller to save. */
export interface ApprovedOthers {
  readonly runs: readonly LoadedRun[];
  readonly toolCalls: readonly ToolCallRow[];
  readonly inbox: readonly InboxRow[];
}

/**
 * Approves the calls of a session that wait already and to which a remembered approval applies, as it does to later ones: those of the tool by
 * the agent, of the same definition. One that its giver may not answer goes on waiting. The caller holds the session's lock. `answered`: the
 * run of the remembered approval; null in another session.
 */
export async function approveRemembered(
  tx: Tx,
  session: LockedSession,
  pending: PendingEvents,
  { item, by }: RememberedApproval,
  answered: LoadedRun | null,
): Promise<ApprovedOthers> {
  const { key, at } = session;
  const runs = new Map(answered ? [[answered.run.run_id, answered]] : []);
  const toolCalls: ToolCallRow[] = [];
  const inbox: InboxRow[] = [];
  for (const other of await loadPendingItems(tx, key)) {
    const isLate = Date.parse(at) >= Date.parse(other.expires_at);
    if (isLate || !appliesTo(item, other) || !mayAnswer(other.rules, by, key.user)) continue;
    const loaded = runs.get(other.run_id) ?? (await loadRun(tx, key, other.run_id));
    runs.set(other.run_id, loaded);
    const call = loaded.openCalls.find(({ call_id: id, status }) => id === other.call_id && status === 'waiting');
    if (!call) continue;
    call.status = 'pending';
    Object.assign(other, { status: 'answered', answered_at: at, answered_by: by.user, remind_at: null });
    other.decision = 'approve';
    const fields = { ...itemFields(other), decision: 'approve', by: by.user, reason: null } as const;
    pending.add({ type: 'approval.decided', ...fields, rememberedFrom: item.item_id }, endKey(other));
    const program = resumeProgram(loaded.openCalls, call);
    toolCalls.push(call, ...(program ? [program] : []));
    inbox.push(other);
  }
  return { runs: [...runs.values()].filter((one) => one !== answered), toolCalls, inbox };
}

function appliesTo(item: InboxRow, other: InboxRow): boolean {
  return (
    other.kind === 'approval' &&
    other.item_id !== item.item_id &&
    other.tool === item.tool &&
    other.agent === item.agent &&
    (other.rules.definition ?? null) === (item.rules.definition ?? null)
  );
}
