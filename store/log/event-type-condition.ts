import type { EventType } from '../../contracts/events/event.ts';
import { EVENT_TRAITS, EVENT_TYPES } from '../../contracts/events/event-traits.ts';

type Traits = (typeof EVENT_TRAITS)[EventType];

/**
 * Returns an SQL condition that selects the event types with the given traits: the types joined by OR, a family that is
 * selected as a whole as `LIKE 'family.%'`. For the types with the conversation trait `content` it is, word for word,
 * the predicate of the partial index `events_of_context`, which the planner uses for no other wording.
 */
export function eventTypeCondition(column: string, matches: (traits: Traits) => boolean): string {
  const selected = EVENT_TYPES.filter((type) => matches(EVENT_TRAITS[type]));
  const conditions = selected.map((type) => {
    const family = type.slice(0, type.indexOf('.') + 1);
    const isWhole = EVENT_TYPES.every((other) => !other.startsWith(family) || selected.includes(other));
    return isWhole ? `${column} LIKE '${family}%'` : `${column} = '${type}'`;
  });
  return [...new Set(conditions)].join(' OR ');
}
