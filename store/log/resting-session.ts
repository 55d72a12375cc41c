import type { UserLimits } from '../../contracts/budget.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import { sanitizeJson } from '../db/sanitize.ts';
import type { LockedSession } from './lock-session.ts';
import type { RunRow } from './rows.ts';

/** A session between two runs, as it is in an embedded store: no run is open but the one that was admitted last. */
export interface RestingSession {
  /** As it was saved. Change a copy: see `asOfNow`. */
  readonly session: LockedSession;
  /** Limits that an operator has set for the user; null for none. */
  readonly ownLimits: UserLimits | null;
  /** The run that ended last. Absent if it is large, and once a message was admitted. */
  readonly ended?: RunRow | undefined;
  /** The run that was admitted since. Absent if there is none. */
  readonly admitted?: AdmittedRun | undefined;
}

/** A queued run, with the events of its admission. */
export interface AdmittedRun {
  readonly run: RunRow;
  readonly events: readonly PerdureEvent[];
}

/** Characters of a run, and bytes of its messages, that are remembered. */
const MAX_SIZE = 16_000;

/** Remembers a session whose only open run was ended without its lock. */
export function rememberEnded(db: Tx, session: LockedSession, ownLimits: UserLimits | null, run: RunRow): void {
  const { value, text } = sanitizeJson(run);
  remember(db, { session, ownLimits, ended: text.length > MAX_SIZE ? undefined : value });
}

/** Remembers a session to which a run was admitted without its lock, while none was open. */
export function rememberAdmitted(
  db: Tx,
  session: LockedSession,
  ownLimits: UserLimits | null,
  admitted: AdmittedRun,
): void {
  if (admitted.run.bytes <= MAX_SIZE) remember(db, { session, ownLimits, admitted });
}

/** Remembers a session that has rested and is not served any more. */
export function rememberLeft(db: Tx, resting: RestingSession, version: string): void {
  const { session } = resting;
  remember(db, { ...resting, session: { ...session, version, row: { ...session.row, served_by: null } } });
}

function remember({ memory }: Tx, resting: RestingSession): void {
  memory?.remember(resting.session.key, resting.session.version, resting);
}

/** The session as it is now, if it rests and this process was the last to change it; null if that is not known. */
export function restingSession({ memory }: Tx, key: SessionKey): RestingSession | null {
  return (memory?.recall(key) ?? null) as RestingSession | null;
}
