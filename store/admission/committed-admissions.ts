import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import type { EvictedSession } from '../sessions/ensure-capacity.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { expiryFactsOf, type ExpiryFacts } from '../sessions/expire-if-due.ts';
import type { AdmissionDecision } from './admission-request.ts';
import type { OpenBefore } from './load-admission-state.ts';

/** A session after an admission. */
export interface AdmittedSession {
  /** The session after the commit; null when there is none because every message was refused. */
  readonly session: ({ readonly status: SessionStatus } & ExpiryFacts) | null;
  /** Whether an activity serves the session. It executes the open runs without its workflow. */
  readonly served: boolean;
  /** Incremented by each activity that begins to serve the session. 0 if there is none. */
  readonly epoch: number;
}

/** The session as it is left; null if there is none. */
export function admittedSession(session: LockedSession | null): AdmittedSession {
  return {
    session: session && { status: session.row.status, ...expiryFactsOf(session) },
    served: session !== null && session.row.served_by !== null,
    epoch: session?.row.epoch ?? 0,
  };
}

export interface CommittedAdmissions extends AdmittedSession {
  readonly created: boolean;
  /** One decision per message, in the order of the request. */
  readonly results: AdmissionDecision[];
  /** Every open run, including new ones, in the order of execution. Null unless `execution` was given. */
  readonly openRuns: OpenRun[] | null;
  /** The runs that were open before the first of the messages. */
  readonly openBefore: OpenBefore;
  readonly events: PerdureEvent[];
  /** Sessions that were expired to stay within the limits of active sessions. */
  readonly evicted: readonly EvictedSession[];
}
