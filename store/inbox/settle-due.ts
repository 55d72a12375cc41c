import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import { nextReminderMs } from '../../core/tools/next-reminder.ts';
import type { Db, Tx } from '../db/db.ts';
import { endKey, itemFields } from '../items/item-fields.ts';
import { loadPendingItems, readDueInMs } from '../items/load-items.ts';
import { withdrawItems } from '../items/withdraw-items.ts';
import { appendEvents } from '../log/append-events.ts';
import { lockSession, type LockedSession } from '../log/lock-session.ts';
import { pendingEvents, type PendingEvents } from '../log/pending-events.ts';
import type { InboxRow, RunRow, ToolCallRow } from '../log/rows.ts';
import { closeCall } from '../runs/close-call.ts';
import { closeRun } from '../runs/close-run.ts';
import { loadRun, type LoadedRun } from '../runs/load-run.ts';
import { resumeProgram } from '../programs/resume-program.ts';
import { findNextRun } from '../serving/find-next-run.ts';
import { continueRun } from './continue-run.ts';

export interface SettledDue {
  /** Null if there is no such session. */
  readonly session: { readonly status: SessionStatus; readonly agent: string } | null;
  /** Time until the next deadline or reminder, at least 1; null without a pending item. */
  readonly dueInMs: number | null;
  /** The session's next run, if it has work and no activity serves the session; else null. */
  readonly wakes: OpenRun | null;
  readonly events: PerdureEvent[];
}

/**
 * Does what is due in a session by the store's clock: records reminders, and settles the items that nobody has answered in time, as
 * their agent has it. Under the session's lock, so that an answer is either before or after.
 */
export async function settleDue(db: Db, key: SessionKey): Promise<SettledDue> {
  return await db.transaction(async (tx) => {
    const session = await lockSession(tx, key);
    if (!session) return { session: null, dueInMs: null, wakes: null, events: [] };
    const nowMs = Date.parse(session.at);
    const items = await loadPendingItems(tx, key);
    const pending = pendingEvents(session);
    const runs = new Map<string, LoadedRun>();
    const inbox: InboxRow[] = [];
    for (const item of items) {
      if (nowMs >= Date.parse(item.expires_at)) {
        const loaded = runs.get(item.run_id) ?? (await loadRun(tx, key, item.run_id));
        runs.set(item.run_id, loaded);
        expire(session, pending, item, loaded);
        inbox.push(item);
      } else if (item.remind_at !== null && nowMs >= Date.parse(item.remind_at)) {
        remind(pending, item, nowMs);
        inbox.push(item);
      }
    }
    const events = await settleRuns(tx, session, pending, { inbox, runs: [...runs.values()] });
    const { status, agent, served_by } = session.row;
    const wakes = served_by === null && runs.size > 0 ? await findNextRun(tx, key) : null;
    return { session: { status, agent }, dueInMs: await readDueInMs(tx, key), wakes: wakes && openRun(wakes), events };
  });
}

function remind(pending: PendingEvents, item: InboxRow, nowMs: number): void {
  const { remindMs } = item.rules;
  const times = { requestedAtMs: Date.parse(item.requested_at), expiresAtMs: Date.parse(item.expires_at) };
  item.reminders += 1;
  const type = item.kind === 'approval' ? 'approval.reminded' : 'client_call.reminded';
  pending.add(
    { type, ...itemFields(item), reminder: item.reminders },
    `item:${item.item_id}:reminder:${item.reminders}`,
  );
  // Those that were due while no worker was there are one.
  let next = nextReminderMs(times, remindMs, item.reminders);
  while (next !== null && next <= nowMs) next = nextReminderMs(times, remindMs, (item.reminders += 1));
  item.remind_at = next === null ? null : new Date(next).toISOString();
}

function expire(session: LockedSession, pending: PendingEvents, item: InboxRow, { openCalls }: LoadedRun): void {
  const call = openCalls.find(({ call_id: id, status }) => id === item.call_id && status === 'waiting');
  if (call) resumeProgram(openCalls, call);
  item.status = 'expired';
  item.remind_at = null;
  if (item.kind === 'client') {
    pending.add({ type: 'client_call.expired', ...itemFields(item) }, endKey(item));
    if (call) fail(session, pending, call, 'No client has handed in a result in time.');
    return;
  }
  const { onExpiry } = item.rules;
  pending.add({ type: 'approval.expired', ...itemFields(item), outcome: onExpiry }, endKey(item));
  if (!call || onExpiry === 'fail') return;
  if (onExpiry === 'approve') call.status = 'pending';
  else fail(session, pending, call, 'The call was not approved: nobody answered in time.');
}

function fail(session: LockedSession, pending: PendingEvents, call: ToolCallRow, error: string): void {
  closeCall(pending, call, { status: 'failed', error }, session.at, null);
}

/** Ends the runs that an expired item fails, queues those that have work, and saves. */
async function settleRuns(
  tx: Tx,
  session: LockedSession,
  pending: PendingEvents,
  { inbox, runs }: { readonly inbox: InboxRow[]; readonly runs: readonly LoadedRun[] },
): Promise<PerdureEvent[]> {
  if (inbox.length === 0) return [];
  const saved: RunRow[] = [];
  const toolCalls = runs.flatMap(({ openCalls }) => openCalls);
  for (const loaded of runs) {
    const { run, openCalls } = loaded;
    const failing = inbox.find(
      ({ run_id: id, kind, status, rules }) =>
        id === run.run_id && kind === 'approval' && status === 'expired' && rules.onExpiry === 'fail',
    );
    if (failing) {
      const known = new Set(inbox.map(({ item_id: id }) => id));
      const open = openCalls.filter(
        ({ status }) => status === 'waiting' || status === 'pending' || status === 'running',
      );
      const withdrawn = await withdrawItems(tx, session, pending, [{ run, openCalls: open }], known);
      inbox.push(...withdrawn);
      const detail = `Nobody answered the approval of the tool ${JSON.stringify(failing.tool)} in time (approvals.onExpiry is "fail"). Resume the run, or send the message again.`;
      closeRun(
        session,
        pending,
        { ...loaded, openCalls: open },
        { status: 'failed', error: { code: 'approval_expired', detail } },
        null,
      );
      saved.push(run);
    } else if (continueRun(session, run, openCalls)) saved.push(run);
  }
  return await appendEvents(tx, session, pending, { runs: saved, toolCalls, inbox });
}

function openRun({ runId, ordinal, urgent }: OpenRun): OpenRun {
  return { runId, ordinal, urgent };
}
