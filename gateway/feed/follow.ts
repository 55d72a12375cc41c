import { endsRun, type StreamEvent } from '../../contracts/session/event.ts';

/** Which events of a session a reader is sent, and when that is all. */
export interface Follow {
  wants(event: StreamEvent): boolean;
  /** Asked of events that are wanted. */
  endsWith(event: StreamEvent): boolean;
}

/** Everything, for ever. */
export const followSession: Follow = { wants: () => true, endsWith: () => false };

/** The events of one run. */
export function followRun(runId: string): Follow {
  return {
    wants: (event) => 'runId' in event && event.runId === runId,
    endsWith: (event) => endsRun(event.type),
  };
}

/** The events of the run that answers a message, from the message's own on; or its refusal. */
export function followMessage(messageId: string): Follow {
  let run: Follow | undefined;
  return {
    wants(event) {
      if (run !== undefined) return run.wants(event);
      if (event.type === 'message.refused') return event.messageId === messageId;
      if (event.type !== 'message.received' || event.messageId !== messageId) return false;
      run = followRun(event.runId);
      return true;
    },
    endsWith: (event) => event.type === 'message.refused' || endsRun(event.type),
  };
}
