import type { ApplicationFailure } from '@temporalio/activity';
import type { ModelError, ModelReply } from '../../models/model-client.ts';
import type { Stopped } from '../shared/stop-watch.ts';

export interface CallTimings {
  /** Null if no text arrived. */
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
}

/** A model call that gave a reply. */
export interface AnsweredCall extends CallTimings {
  readonly reply: ModelReply;
}

/** How a step's model call ended. `applyCallOutcome` holds all that follows from it. */
export type ModelCallOutcome =
  | ({ readonly kind: 'answered' } & AnsweredCall)
  /** `sent`: whether the provider was called. An unknown model, for one, fails the call before. */
  | { readonly kind: 'failed'; readonly error: ModelError; readonly sent: boolean; readonly timings: CallTimings }
  /** Aborted by a cancel, a shutdown, or because another worker has the run. */
  | { readonly kind: 'stopped'; readonly stop: Stopped; readonly timings: CallTimings }
  /** Aborted at the run's time limit. */
  | { readonly kind: 'timedOut'; readonly failure: ApplicationFailure; readonly timings: CallTimings }
  /** Not made: another attempt has the step. */
  | { readonly kind: 'stale' };
