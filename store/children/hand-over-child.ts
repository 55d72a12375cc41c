import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { childOutcome } from '../../core/children/child-outcome.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import type { Db, Tx } from '../db/db.ts';
import { appendEvents } from '../log/append-events.ts';
import { lockSession } from '../log/lock-session.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { isOpen } from '../../core/session/open-status.ts';
import type { RunRow } from '../log/rows.ts';
import { loadRun } from '../runs/load-run.ts';
import { openRunOf } from '../runs/order-open-runs.ts';
import type { ChildLink } from './read-children.ts';
import { addSums } from '../log/sums.ts';
import { chargedOf, settleChildCall } from './settle-child.ts';

/** The parent's session after the end of a child was handed over. */
export interface HandedOver {
  readonly events: PerdureEvent[];
  /** The parent's run, if it has work now. */
  readonly woken: WokenRun | null;
}

/** A run that has work again, and what wakes its session. */
export interface WokenRun {
  readonly key: SessionKey;
  readonly kind: 'session' | 'run';
  readonly agent: string;
  readonly run: OpenRun;
  /** Whether an activity serves the session. */
  readonly served: boolean;
  readonly epoch: number;
}

/**
 * Hands the end of a child over to its parent, in one transaction under the lock of the parent's session: its answer or failure
 * completes the parent's call, what it used is added to the parent's run and session, and what was reserved for it is
 * released. Returns null, and changes nothing, if the child has not ended or was handed over before.
 */
export async function handOverChild(db: Db, { parent, childId }: ChildLink): Promise<HandedOver | null> {
  return await db.transaction(async (tx) => {
    const session = await lockSession(tx, parent.key);
    if (!session) return null;
    const [link] = await tx.query<{ run_id: string; call_id: string; agent: string; started_at: string | null }>(
      `SELECT run_id, call_id, agent, started_at FROM perdure.child_runs
        WHERE user_id = $1 AND child_id = $2 AND status = 'running' FOR UPDATE`,
      [parent.key.user, childId],
    );
    if (!link) return null;
    const child = await readChild(tx, parent.key.user, childId);
    if (child && isOpen(child.status)) return null;
    const loaded = await loadRun(tx, parent.key, link.run_id);
    const { run } = loaded;
    const pending = pendingEvents(session);
    const before = run.status;
    const call = settleChildCall(session, pending, loaded, {
      callId: link.call_id,
      startedAt: link.started_at === null ? null : new Date(link.started_at).toISOString(),
      outcome: childOutcome(link.agent, child),
    });
    if (child) {
      addSums(run, child);
      addSums(session.row, child);
    }
    await endLink(tx, parent.key, link, child);
    const events = await appendEvents(tx, session, pending, { runs: [run], toolCalls: call ? [call] : [] });
    const { kind, served_by, epoch, agent } = session.row;
    const hasWork = before !== 'queued' && run.status === 'queued';
    const woken = { key: parent.key, kind, agent, run: openRunOf({ ...run }), served: served_by !== null, epoch };
    return { events, woken: hasWork ? woken : null };
  });
}

async function readChild(tx: Tx, user: string, childId: string): Promise<RunRow | null> {
  const [found] = await tx.query<{ run: RunRow }>(
    `SELECT to_json(r) AS run FROM perdure.runs r WHERE user_id = $1 AND session_id = $2 AND run_id = $2`,
    [user, childId],
  );
  return found?.run ?? null;
}

async function endLink(
  tx: Tx,
  key: SessionKey,
  link: { readonly run_id: string; readonly call_id: string },
  child: RunRow | null,
): Promise<void> {
  const used = child ? chargedOf(child) : { nanos: 0, tokens: 0 };
  await tx.query(
    `UPDATE perdure.child_runs
        SET status = 'ended', outcome = $5, ended_at = clock_timestamp(), held_nanos = 0, held_tokens = 0,
            used_nanos = $6, used_tokens = $7
      WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND call_id = $4`,
    [key.user, key.session, link.run_id, link.call_id, child?.status ?? 'failed', used.nanos, used.tokens],
  );
}
