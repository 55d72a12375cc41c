import { EVENT_TRAITS } from '../../contracts/events/event-traits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import { storedRowOf } from '../log/event-row.ts';
import { sessionColumns, sessionOf, type FoundSession } from '../log/lock-session.ts';
import { restingSession } from '../log/resting-session.ts';
import type { KnownRun } from '../steps/known-run.ts';
import { anchorColumns, newEventsColumn, sinceOfUncached, type CachedPosition } from '../runs/load-new-events.ts';
import { selectRuns, type LoadedPosition } from '../runs/load-run.ts';
import { openRunOf } from '../runs/order-open-runs.ts';
import type { NextRun } from './find-next-run.ts';
import { hasWorkInSession } from '../runs/held-runs.ts';

type Found = Omit<LoadedPosition, 'tries'> &
  FoundSession &
  Pick<NextRun, 'traceparent'> &
  Pick<LoadedNextRun, 'isLast'>;

export interface LoadedNextRun {
  readonly next: NextRun;
  readonly known: KnownRun;
  /** Whether no other run has work. */
  readonly isLast: boolean;
}

const SINCE = `coalesce($3::integer, ${sinceOfUncached('s.head')})`;

const NEXT_RUN = `
  ${selectRuns(
    `, r.traceparent, ${sessionColumns},
    (SELECT count(*) = 1 FROM perdure.runs o WHERE user_id = $1 AND session_id = $2 AND ${hasWorkInSession('o')}) AS "isLast",
    (SELECT count(*) = 1 FROM perdure.runs o WHERE user_id = $1 AND session_id = $2 AND status IN ('queued', 'running', 'waiting')) AS "isAlone",
    ${SINCE} AS since, ${newEventsColumn(SINCE)}, ${anchorColumns('$3', 's.head')}`,
    ' JOIN perdure.sessions s ON s.user_id = $1 AND s.session_id = $2',
  )}
     AND ${hasWorkInSession('r')}
   ORDER BY r.status = 'running' DESC, r.urgent DESC, r.ordinal LIMIT 1`;

/**
 * Loads the run of a session that is next in the order of execution, without the session's lock; null when no run has work. Reads
 * nothing if the run was admitted by this process while the session rested. `cached`: the caller's cached conversation.
 */
export async function loadNextRun(
  db: Tx,
  key: SessionKey,
  cached: CachedPosition | null,
): Promise<LoadedNextRun | null> {
  const admitted = admittedRun(db, key, cached);
  if (admitted) return admitted;
  const [found] = await db.query<Found>(NEXT_RUN, [key.user, key.session, cached?.throughSeq ?? null]);
  if (!found) return null;
  const { run, step, openCalls, modelCall, ownLimits, newEvents, since, cachedAt, headAt, isAlone, ...rest } = found;
  const { traceparent, isLast, ...session } = rest;
  const tries = run.fallback_models === null ? [] : null;
  const loaded = { run, step, openCalls, modelCall, ownLimits, newEvents, cachedAt, headAt, since, isAlone, tries };
  return { next: { ...openRunOf(run), traceparent }, known: { session: sessionOf(key, session), loaded }, isLast };
}

/** The run that was admitted to a resting session, as {@link loadNextRun} would read it; null unless the caller has cached what was before. */
function admittedRun(db: Tx, key: SessionKey, cached: CachedPosition | null): LoadedNextRun | null {
  const resting = restingSession(db, key);
  if (!resting?.admitted || !cached) return null;
  const { session, ownLimits, admitted } = resting;
  const { run, events } = admitted;
  const [first, last] = [events[0], events.at(-1)];
  if (!first || !last || cached.createdAt !== session.createdAt || cached.throughSeq !== first.seq - 1) return null;
  const conversation = events.filter(({ type }) => EVENT_TRAITS[type].conversation !== 'none');
  const loaded: LoadedPosition = {
    run: { ...run, stop_reason: null },
    step: null,
    openCalls: [],
    modelCall: null,
    ownLimits,
    newEvents: conversation.map(storedRowOf),
    // The cached event is in the store: no other process could have replaced it.
    cachedAt: cached.throughAt,
    headAt: last.at,
    since: cached.throughSeq,
    isAlone: true,
    tries: [],
  };
  return { next: { ...openRunOf(run), traceparent: run.traceparent }, known: { session, loaded }, isLast: true };
}
