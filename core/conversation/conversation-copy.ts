import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { Background } from './conversation-window.ts';

/** A copy of a cached conversation, for another process. */
export interface ConversationCopy {
  /** Every run whose latest start has at least this `seq` is in the copy; null for none. */
  readonly from: number | null;
  /** All events of its runs up to this `seq` are in the copy. */
  readonly throughSeq: number;
  /** Null when it was not read. */
  readonly background: Background | null;
  readonly runs: readonly RunCopy[];
}

export interface RunCopy {
  readonly runId: string;
  /** The `seq` of its latest `run.started`; null while the run is queued. */
  readonly startedSeq: number | null;
  /** Whether `events` contains the run's first events. Default true. */
  readonly complete?: boolean;
  readonly events: readonly PerdureEvent[];
}

/** The copy of a session's conversation, with what shows whether the store continues it: see `CachedPosition`. */
export interface ContextCopy {
  readonly createdAt: string;
  readonly throughAt: string;
  readonly conversation: ConversationCopy;
}
