import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { dayOf } from '../../core/money/utc-period.ts';
import type { Db } from '../db/db.ts';
import { spendingOn } from '../budgets/spending-columns.ts';
import { appendAndReturn, appendEvents } from '../log/append-events.ts';
import { asOfNow, lockExistingSession } from '../log/lock-session.ts';
import { decideStep, type BeginStep } from './decide-step.ts';
import { copyOf, type KnownRun } from './known-run.ts';
import { newEventsAfter } from '../runs/load-new-events.ts';
import { loadRunAndNewEvents } from '../runs/load-run.ts';
import type { RunPosition } from './run-position.ts';

/** `epoch` is that of the session from then on. */
export type BegunStep = RunPosition & { readonly events: PerdureEvent[]; readonly epoch: number };

/**
 * Continues a run after its committed steps: starts the run if it is queued, and claims the next attempt of its
 * model call unless tool calls are open. A committed reply is never requested again. Throws `not_found`.
 *
 * A server without an epoch begins to serve the session, unless the run has ended: it supersedes the server before it, if that is the
 * one that it has found (`follows`).
 */
export async function beginStep(db: Db, key: SessionKey, input: BeginStep): Promise<BegunStep> {
  const begun = input.known ? await beginKnown(db, input.known, input) : null;
  return begun ?? (await beginLocked(db, key, input));
}

async function beginLocked(db: Db, key: SessionKey, input: BeginStep): Promise<BegunStep> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const { cached = null, runId } = input;
    const since = newEventsAfter(cached, session);
    const through = cached?.throughSeq ?? null;
    const head = session.row.head;
    const loaded = await loadRunAndNewEvents(tx, key, runId, { since, day: dayOf(session.at), cached: through, head });
    const { pending, changed, position } = decideStep(session, loaded, input);
    const events = changed ? await appendEvents(tx, session, pending, changed) : [];
    return { ...position(events, loaded), events, epoch: session.row.epoch };
  });
}

/** Begins a step with one statement, if it changes anything. Returns null if the session or the cached conversation has changed. */
async function beginKnown(db: Db, known: KnownRun, input: BeginStep): Promise<BegunStep | null> {
  const session = asOfNow(db, known.session);
  const loaded = copyOf(known.loaded);
  if (loaded.tries === null) return null;
  if (loaded.run.run_id !== input.runId || loaded.since !== newEventsAfter(input.cached ?? null, session)) return null;
  const { pending, changed, position } = decideStep(session, loaded, input);
  if (!changed) return null;
  const saved = await appendAndReturn(db, session, pending, changed, spendingOn(dayOf(session.at)));
  if (!saved) return null;
  const { events, returned } = saved;
  return { ...position(events, returned), events, epoch: session.row.epoch };
}
