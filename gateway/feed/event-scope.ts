import type { StreamEvent } from '../../contracts/events/event.ts';
import { endsRun } from '../../contracts/events/event-traits.ts';

/** Which events of a session a reader receives, and which is the last. Stateful: one instance per reader. */
export interface EventScope {
  includes(event: StreamEvent): boolean;
  /** Called with included events only. */
  isLast(event: StreamEvent): boolean;
}

/** Every event; has no end. */
export const sessionScope: EventScope = { includes: () => true, isLast: () => false };

/** The events of one run. */
export function runScope(runId: string): EventScope {
  return {
    includes: (event) => 'runId' in event && event.runId === runId,
    isLast: (event) => endsRun(event.type),
  };
}

/** A message's own event and those of the run that answers it; or its refusal. */
export function messageScope(messageId: string): EventScope {
  let run: EventScope | undefined;
  return {
    includes(event) {
      if (run !== undefined) return run.includes(event);
      if (event.type === 'message.refused') return event.messageId === messageId;
      if (event.type !== 'message.received' || event.messageId !== messageId) return false;
      run = runScope(event.runId);
      return true;
    },
    isLast: (event) => event.type === 'message.refused' || endsRun(event.type),
  };
}
