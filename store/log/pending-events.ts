import type { NewEvent } from '../../contracts/events/event.ts';
import type { LockedSession } from './lock-session.ts';

/** Events that one transaction is going to append, in order. */
export interface PendingEvents {
  /**
   * Adds an event and returns the `seq` that it will have. `dedupe` identifies the fact within its session: a second
   * event with the same key is rejected by a unique index. Null for a fact that may occur again.
   */
  add(event: NewEvent, dedupe: string | null): number;
  readonly drafts: readonly { readonly event: NewEvent; readonly dedupe: string | null }[];
}

/** Returns an empty list of events that follow the session's head. */
export function pendingEvents(session: Pick<LockedSession, 'row'>): PendingEvents {
  const drafts: { event: NewEvent; dedupe: string | null }[] = [];
  return { drafts, add: (event, dedupe) => session.row.head + drafts.push({ event, dedupe }) };
}
