import type { NewEvent } from '../../contracts/session/event.ts';
import type { LockedSession } from './lock-session.ts';

/** Events that one transaction appends, in order. */
export interface PendingEvents {
  /** Adds an event and answers its `seq`. `dedupe` names the fact within its session, so that it cannot be recorded twice; null for what may happen again. */
  add(event: NewEvent, dedupe: string | null): number;
  readonly drafts: readonly { readonly event: NewEvent; readonly dedupe: string | null }[];
}

/** An empty pending of what comes after the session's head. */
export function pendingEvents(session: Pick<LockedSession, 'row'>): PendingEvents {
  const drafts: { event: NewEvent; dedupe: string | null }[] = [];
  return { drafts, add: (event, dedupe) => session.row.head + drafts.push({ event, dedupe }) };
}
