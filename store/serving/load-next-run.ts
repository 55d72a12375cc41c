import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import { sessionColumns, sessionOf, type FoundSession } from '../log/lock-session.ts';
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
    ${SINCE} AS since, ${newEventsColumn(SINCE)}, ${anchorColumns('$3', 's.head')}`,
    ' JOIN perdure.sessions s ON s.user_id = $1 AND s.session_id = $2',
  )}
     AND ${hasWorkInSession('r')}
   ORDER BY r.status = 'running' DESC, r.urgent DESC, r.ordinal LIMIT 1`;

/**
 * Loads the run of a session that is next in the order of execution, without the session's lock; null when no run has work.
 * `cached`: the caller's cached conversation.
 */
export async function loadNextRun(
  db: Tx,
  key: SessionKey,
  cached: CachedPosition | null,
): Promise<LoadedNextRun | null> {
  const [found] = await db.query<Found>(NEXT_RUN, [key.user, key.session, cached?.throughSeq ?? null]);
  if (!found) return null;
  const { run, step, openCalls, modelCall, ownLimits, newEvents, since, cachedAt, headAt, ...rest } = found;
  const { traceparent, isLast, ...session } = rest;
  const tries = run.fallback_models === null ? [] : null;
  const loaded = { run, step, openCalls, modelCall, ownLimits, newEvents, cachedAt, headAt, since, tries };
  return { next: { ...openRunOf(run), traceparent }, known: { session: sessionOf(key, session), loaded }, isLast };
}
