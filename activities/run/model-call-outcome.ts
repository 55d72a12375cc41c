import type { ApplicationFailure } from '@temporalio/activity';
import type { ContextRecord } from '../../contracts/session/call-context.ts';
import type { ModelError, ModelReply } from '../../models/model-client.ts';
import type { Stopped } from '../shared/stop-watch.ts';
import type { CallSpending } from './call-spending.ts';

export interface CallTimings {
  /** Null if no text arrived. */
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
}

/** A request that was sent. */
export interface SentRequest {
  /** The estimated tokens of the request. */
  readonly inputTokens: number;
  readonly context: ContextRecord;
  /** What all model calls of the attempt have used, if middleware may have made several. Absent: the request is the only one. */
  readonly spent?: CallSpending;
}

/** A model call that gave a reply. */
export interface AnsweredCall extends CallTimings, SentRequest {
  readonly reply: ModelReply;
  /** The middleware whose `output` has changed the text of the reply; absent for none. */
  readonly changedBy?: readonly string[];
}

/** How a step's model call ended. `applyCallOutcome` holds all that follows from it. */
export type ModelCallOutcome =
  | ({ readonly kind: 'answered' } & AnsweredCall)
  /** `sent`: null if the provider was not called. An unknown model, for one, fails the call before. */
  | {
      readonly kind: 'failed';
      readonly error: ModelError;
      readonly sent: SentRequest | null;
      readonly timings: CallTimings;
    }
  /** Aborted by a cancel, a shutdown, or because another worker has the run. */
  | { readonly kind: 'stopped'; readonly stop: Stopped; readonly sent: SentRequest; readonly timings: CallTimings }
  /** Aborted at the run's time limit. */
  | {
      readonly kind: 'timedOut';
      readonly failure: ApplicationFailure;
      readonly sent: SentRequest;
      readonly timings: CallTimings;
    }
  /** Middleware refuses the run. */
  | {
      readonly kind: 'refused';
      readonly reason: string;
      readonly sent: SentRequest & Required<Pick<SentRequest, 'spent'>>;
      readonly timings: CallTimings;
    }
  /** Not made: another attempt has the step. */
  | { readonly kind: 'stale' };
