import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { ContentType } from '../../contracts/events/event-traits.ts';
import type { Background } from './conversation-window.ts';

/** Estimates the size in memory of an event of a conversation: two bytes a character, and the overhead of its objects. */
export function bytesOf(event: PerdureEvent): number {
  switch (event.type) {
    case 'message.received':
      return (
        600 +
        2 * event.content.length +
        (event.parts ? 4 * JSON.stringify(event.parts).length : 0) +
        (event.output ? 4 * JSON.stringify(event.output).length : 0)
      );
    case 'message.completed':
      return (
        900 +
        2 * (event.text.length + (event.rejected?.feedback.length ?? 0)) +
        (event.providerData ? 4 * JSON.stringify(event.providerData).length : 0)
      );
    case 'input.decided':
      return 600 + 4 * JSON.stringify([event.messages, event.decision]).length;
    case 'tool.called':
      return 600 + 4 * JSON.stringify(event.arguments).length;
    case 'tool.completed':
      return 600 + 6 * JSON.stringify(event.result).length;
    case 'context.summarized':
      return 600 + 2 * event.text.length;
    case 'tool.failed':
    case 'tool.unknown':
    case 'tool.cancelled':
      return 600;
    default:
      event satisfies Exclude<PerdureEvent, { type: ContentType }>;
      return 600;
  }
}

/** Estimates the size in memory of what a context has of earlier runs. */
export function bytesOfBackground(background: Background | null): number {
  if (!background) return 0;
  const { summary, pinned, decisions } = background;
  return [...pinned, ...decisions].reduce<number>((sum, event) => sum + bytesOf(event), summary ? bytesOf(summary) : 0);
}
