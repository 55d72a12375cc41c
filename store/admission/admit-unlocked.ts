import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';
import { appendIfUnchanged } from '../log/append-events.ts';
import { rememberAdmitted } from '../log/resting-session.ts';
import type { AdmissionDecision, AdmissionRequest } from './admission-request.ts';
import { admittedSession, type CommittedAdmissions } from './committed-admissions.ts';
import { decideAdmission } from './decide-admission.ts';
import { loadUnlockedState, openIn } from './load-admission-state.ts';

/**
 * Admits messages to an active session with two statements and without its lock. Returns null, and has changed nothing, if the
 * session is changed meanwhile, or if more is to be done than to accept every message.
 */
export async function admitUnlocked(
  db: Db,
  key: SessionKey,
  request: AdmissionRequest,
): Promise<CommittedAdmissions | null> {
  if (request.execution !== null) return null;
  const state = await loadUnlockedState(db, key, request);
  if (state?.session?.row.status !== 'active' || !state.pending) return null;
  const { session, pending, messages } = state;
  const openBefore = openIn(state);
  const rests = state.open.length === 0;
  const results = request.messages.map((message) => decideAdmission(state, message));
  if (!results.every(isPlain) || state.withdrawn.length > 0) return null;
  const runs = [...state.runs];
  const events = await appendIfUnchanged(db, session, pending, { messages, runs });
  const [run, ...others] = runs;
  if (events && rests && run && others.length === 0) rememberAdmitted(db, session, state.ownLimits, { run, events });
  return (
    events && {
      ...admittedSession(session),
      created: false,
      results,
      openRuns: null,
      openBefore,
      events,
      evicted: [],
    }
  );
}

/** Whether a message is accepted now, and no run is stopped for it. */
function isPlain(result: AdmissionDecision): boolean {
  return result.ok && !result.duplicate && result.interrupts === null;
}
