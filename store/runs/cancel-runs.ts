import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { Tx } from '../db/db.ts';
import { appendEvents } from '../log/append-events.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { pendingEvents, type PendingEvents } from '../log/pending-events.ts';
import { withdrawItems } from '../items/withdraw-items.ts';
import type { InboxRow, ModelCallRow, RunRow, StepRow, ToolCallRow } from '../log/rows.ts';
import type { UsageDayRow } from '../log/sums.ts';
import { closeRun } from './close-run.ts';
import { commitKeptText, type KeptText } from './commit-reply.ts';
import { loadOpenRuns, type LoadedRun } from './load-run.ts';
import { cancelWaits } from './waits.ts';

/** Cancels open runs with the text `kept` of one of them, withdraws what they have asked for, and removes them from their providers' queues. Returns the rows to append with the events. The caller holds the session's lock. */
export async function cancelRuns(
  tx: Tx,
  session: LockedSession,
  pending: PendingEvents,
  open: readonly LoadedRun[],
  reason: string,
  kept: KeptText | null = null,
): Promise<{
  readonly runs: readonly RunRow[];
  readonly steps: readonly StepRow[];
  readonly toolCalls: readonly ToolCallRow[];
  readonly modelCalls: readonly ModelCallRow[];
  readonly usageDays: readonly UsageDayRow[];
  readonly inbox: readonly InboxRow[];
}> {
  const inbox = await withdrawItems(tx, session, pending, open);
  const steps: StepRow[] = [];
  for (const loaded of open) steps.push(...(await commitKeptText(tx, session, pending, loaded, kept)));
  const calls = open.map((loaded) => closeRun(session, pending, loaded, { status: 'cancelled', reason }, null));
  const runs = open.map(({ run }) => run);
  if (runs.length > 0) {
    const runIds = runs.map(({ run_id }) => run_id);
    await cancelWaits(tx, session.key, runIds);
  }
  return {
    runs,
    steps,
    toolCalls: open.flatMap(({ openCalls }) => openCalls),
    modelCalls: calls.flatMap(({ modelCalls }) => modelCalls),
    usageDays: calls.flatMap(({ usageDays }) => usageDays),
    inbox,
  };
}

/** Cancels the open runs of a session but those in `spared`, and appends the events. The caller holds the session's lock, and must lock it again to append more. */
export async function cancelOpenRuns(
  tx: Tx,
  session: LockedSession,
  reason: string,
  spared: ReadonlySet<string> = new Set(),
): Promise<PerdureEvent[]> {
  const open = (await loadOpenRuns(tx, session.key)).filter(({ run }) => !spared.has(run.run_id));
  if (open.length === 0) return [];
  const pending = pendingEvents(session);
  return await appendEvents(tx, session, pending, await cancelRuns(tx, session, pending, open, reason));
}
