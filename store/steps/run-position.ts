import type { Policy } from '../../contracts/agent.ts';
import type { UserLimits } from '../../contracts/budget.ts';
import type { ContextPhase } from '../../contracts/capabilities/context-provider.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { RunStatus, ToolCallRecord } from '../../contracts/session/run.ts';
import type { RecoveryReason, SessionStatus } from '../../contracts/session/session.ts';
import type { FailedModel, ModelPlan } from '../../core/providers/plan-models.ts';
import type { Spending } from '../budgets/warn-of-budgets.ts';
import type { LockedSession } from '../log/lock-session.ts';
import type { ModelCallRow, StepRow } from '../log/rows.ts';
import type { KnownRun } from './known-run.ts';

/** What a run needs next. `agentVersion` is the hash of the pinned version; `policy` is the session's own. */
export type RunPosition =
  | { readonly kind: 'ended'; readonly status: RunStatus; readonly session: SessionStatus }
  /** Another activity serves the session now. */
  | { readonly kind: 'superseded' }
  /** The run's open calls all wait for somebody. It is queued again when one of them is answered. */
  | { readonly kind: 'waiting' }
  /** The run's stop was requested, so no step may begin. */
  | { readonly kind: 'stopped'; readonly reason: string }
  /** An operator has paused the run's agent, its user or everything. */
  | { readonly kind: 'paused' }
  /** Context providers are to be called: `before` the first model call, or `after` the answer, which is committed. */
  | {
      readonly kind: 'context';
      readonly phase: ContextPhase;
      readonly agentVersion: string;
      readonly policy: Policy;
    }
  | {
      readonly kind: 'tools';
      readonly step: number;
      /** Calls without a result that can be executed: pending or running. */
      readonly calls: ToolCallRecord[];
      readonly agentVersion: string;
      readonly policy: Policy;
    }
  /** A model call is next, but `mayCall` returned false. */
  | {
      readonly kind: 'held';
      readonly plan: ModelPlan;
      readonly agentVersion: string;
      readonly policy: Policy;
    }
  | {
      readonly kind: 'model';
      /** Reason of the session's last recovery; null once a run has completed since. */
      readonly recovered: RecoveryReason | null;
      readonly step: number;
      /** From 1. The commit of an earlier attempt is stale from now on. */
      readonly attempt: number;
      /** Attempts with this model since the run was last resumed, this one included. Retry policies count these. */
      readonly attemptsSinceResume: number;
      /** The other models that the step may ask, in order. */
      readonly otherModels: readonly string[];
      /** The models that gave no answer in this step. */
      readonly failedModels: readonly FailedModel[];
      /** Whether the outcome of the attempt before was never reported: its worker stopped responding. */
      readonly previousLost: boolean;
      /** `seq` of the newest event that the model call may see. */
      readonly throughSeq: number;
      readonly agentVersion: string;
      readonly model: string;
      readonly policy: Policy;
      /** Working time of the run so far, without waits. */
      readonly activeMs: number;
      readonly conversation: ConversationUpdate;
      /** Limits that an operator has set for the user; null for none. */
      readonly ownLimits: UserLimits | null;
      /** Pass to `commitStep`. */
      readonly claimed: ClaimedStep;
    };

/** The rows of a claimed step. They are current as long as the session is unchanged. */
export interface ClaimedStep extends Spending {
  readonly session: LockedSession;
  readonly run: KnownRun['loaded']['run'];
  readonly step: StepRow;
  readonly modelCall: ModelCallRow;
  /** As of {@link KnownRun}. */
  readonly isAlone?: boolean | undefined;
}

/** Events of the conversation that the caller has not cached. */
export interface ConversationUpdate {
  /** False: the caller's cache holds other events than the store, which was restored from a backup. It must be discarded. */
  readonly continues: boolean;
  /** When the session was created: see {@link CachedPosition}. */
  readonly createdAt: string;
  /** Events of the conversation after `since` and up to the position's `throughSeq`, in order. Null: read the context from scratch. */
  readonly newEvents: readonly PerdureEvent[] | null;
  readonly since: number;
  /** Time of the event with the position's `throughSeq`. */
  readonly throughAt: string;
}
