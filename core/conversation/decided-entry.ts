import type { MessagePart } from '../../contracts/attachments/content-parts.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';

type UserEntry = Extract<TranscriptEntry, { role: 'user' }>;
type Decided = Pick<Extract<PerdureEvent, { type: 'input.decided' }>, 'messages' | 'decision' | 'changedBy'>;

/**
 * The entry of a message with what input middleware has decided on it. A message is decided before the first model call that is given
 * it, so the decision applies to each context with the message, whatever their order.
 */
export function decidedEntry(entry: UserEntry, decisions: readonly Decided[]): UserEntry {
  for (const { messages, decision, changedBy } of decisions) {
    const decided = messages.find(({ messageId }) => messageId === entry.messageId);
    if (!decided) continue;
    const { content = entry.content, parts: decidedParts } = decided;
    const changed = changedBy ? { changedBy } : {};
    if (decidedParts !== undefined) return { ...entry, decision, content, parts: decidedParts, ...changed };
    if (decided.content === undefined) return { ...entry, decision };
    const parts = entry.parts ? { parts: withText(entry.parts, content) } : {};
    return { ...entry, decision, content, ...parts, ...changed };
  }
  return entry;
}

/** The parts with a changed text in place of their texts: none of the former may remain. */
export function withText(parts: readonly MessagePart[], text: string): MessagePart[] {
  return [{ type: 'text', text }, ...parts.filter(({ type }) => type !== 'text')];
}
