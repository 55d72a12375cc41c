import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Background, DecidedInput, PinnedMessage } from '../../core/conversation/conversation-window.ts';
import type { ContextSummary } from '../../core/conversation/summary.ts';
import { eventOf, type EventRow } from '../log/event-row.ts';

/** SQL condition on the events `e`, word for word the predicate of the partial index `events_pinned`. */
export const isPinned = (e: string): string => `${e}.type = 'message.received' AND (${e}.data ->> 'pin') = 'true'`;

/** SQL query of pinned messages, of the rows `pinned`, and of what input middleware has decided in their runs. */
export const PINNED_WITH_DECISIONS = `
  SELECT * FROM pinned
   UNION ALL
  SELECT e.seq, e.type, e.run_id, e.step, e.attempt, e.at, e.data
    FROM (SELECT DISTINCT run_id FROM pinned) p
    JOIN perdure.events e ON e.user_id = $1 AND e.session_id = $2 AND e.run_id = p.run_id AND e.type LIKE 'input.%'`;

/** Converts the events of a summary, of pinned messages and of decisions on them. */
export function backgroundOf(rows: readonly EventRow[], { session }: SessionKey): Background {
  const events = rows.map((row) => eventOf(row, session));
  return {
    summary: events.find((event): event is ContextSummary => event.type === 'context.summarized') ?? null,
    pinned: events.filter((event): event is PinnedMessage => event.type === 'message.received'),
    decisions: events.filter((event): event is DecidedInput => event.type === 'input.decided'),
  };
}
