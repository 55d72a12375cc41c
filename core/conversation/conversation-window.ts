import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import type { OutputState } from '../output/output-state.ts';
import type { ContextSummary } from './summary.ts';

/** The context of a model call: runs in the order of their starts, the calling run last. */
export interface ConversationWindow {
  readonly runs: readonly WindowRun[];
  /** Null for a context that does not begin at a summary. */
  readonly background: Background | null;
  /** The ids of the calling run's tool calls. */
  readonly callIds: ReadonlySet<string>;
  readonly output: OutputState;
}

/** A run of a context. */
export interface WindowRun {
  readonly runId: string;
  /** `seq` of its latest start. */
  readonly startedSeq: number;
  /** Those that `entries` is built from. */
  readonly events: readonly PerdureEvent[];
  readonly entries: readonly TranscriptEntry[];
}

/** What a context has of the runs before its own. */
export interface Background {
  /** The newest summary; null for none. */
  readonly summary: ContextSummary | null;
  /** The pinned messages of all runs that started before the calling run, in order. Those of the context's runs are among them. */
  readonly pinned: readonly PinnedMessage[];
  /** What input middleware has decided in their runs. */
  readonly decisions: readonly DecidedInput[];
}

export type PinnedMessage = Extract<PerdureEvent, { type: 'message.received' }>;

export type DecidedInput = Extract<PerdureEvent, { type: 'input.decided' }>;
