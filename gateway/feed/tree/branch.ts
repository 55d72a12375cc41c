import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { StreamEvent } from '../../../contracts/events/event.ts';
import type { Frame } from '../frame.ts';
import type { Reader } from '../reader.ts';

/** The call that has made a run. */
export interface CallOf {
  readonly session: string;
  readonly runId: string;
  readonly callId: string;
}

/** One session of a tree whose events are followed. */
export class Branch {
  readonly key: SessionKey;
  /** Null for the session that was asked for. */
  readonly call: CallOf | null;
  /** `seq` of its last event that was sent. */
  seq: number;
  reader: Reader | null = null;
  isOpening = false;
  /** The next frame, once it was read. */
  frame: Frame | null = null;
  /** When `frame` was read, in the order of all frames of the tree. */
  readyAt = 0;
  isReading = false;
  /** Whether all of its events were sent. */
  isOver = false;
  /** Whether the result of its call was sent. */
  isReturned = false;
  /** Whether the store was asked if the run exists, after its call had a result. */
  isLookedUp = false;

  constructor(key: SessionKey, call: CallOf | null, seq: number) {
    this.key = key;
    this.call = call;
    this.seq = seq;
  }

  close(): void {
    this.isOver = true;
    this.reader?.close();
  }
}

/** The call whose result an event is; null for other events. `ordered`: it follows from the end of the run that the call has made. */
export function resultOf(event: StreamEvent | null): (CallOf & { readonly ordered: boolean }) | null {
  switch (event?.type) {
    case 'tool.completed':
    case 'tool.failed':
    case 'tool.unknown':
    case 'tool.cancelled': {
      const { sessionId: session, runId, callId, type } = event;
      return { session, runId, callId, ordered: type !== 'tool.cancelled' };
    }
    default:
      return null;
  }
}
