import type { MessagePart } from '../../contracts/attachments/content-parts.ts';
import type { Policy } from '../../contracts/agent.ts';
import type { BudgetFacts, RunBudget } from '../../contracts/budget.ts';
import type { ErrorCode } from '../../contracts/errors.ts';
import type { MessageInput, Receipt, WhileRunning } from '../../contracts/session/message.ts';
import type { SessionLimits } from '../../contracts/session/session-limits.ts';
import type { ResolvedBudgets } from '../../core/money/budget.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';

/** A valid message with its id, whose images and files are attachments. */
export interface IncomingMessage extends Omit<MessageInput, 'content'> {
  readonly id: string;
  /** The text; with `parts`, that of the text parts. */
  readonly content: string;
  /** Absent in a message that is only text. */
  readonly parts?: readonly MessagePart[];
  /** Why its parts cannot be accepted. A repeated message gets its receipt all the same. */
  readonly refusal?: { readonly code: ErrorCode; readonly detail: string } | undefined;
}

/** Messages to admit to one session, and the inputs of the decision that are not in the store. */
export interface AdmissionRequest {
  /** Decided in this order, in one transaction. */
  readonly messages: readonly IncomingMessage[];
  /** Agent of a session that is created by a message without `agent`. */
  readonly defaultAgent: string;
  readonly knowsAgent: (name: string) => boolean;
  readonly kind: 'session' | 'run';
  /** Limits of active sessions. Default: none. */
  readonly limits?: SessionLimits | undefined;
  /** The setting of an agent's policy. The session's policy and the message itself take precedence. */
  readonly defaultWhileRunning: (agent: string) => WhileRunning;
  /** Returns why no model of an agent accepts the parts of a message; null if one does, or where that is not known. Default: null. */
  readonly contentProblem?: (agent: string, parts: readonly MessagePart[]) => string | null;
  /** Returns why messages to an agent are refused while an operator has paused it; null if they are not. Default: none is paused. */
  readonly pausedFor?: (agent: string) => string | null;
  /** Budgets of the user and the session. Default: none. */
  readonly budget?: AdmissionBudget;
  /** Id of the workflow execution, if it has not loaded its state yet; null if it has, and where no workflow admits the messages. */
  readonly execution: string | null;
  /**
   * Whether the messages are admitted before a workflow has them. The next execution that loads a session which they reopen
   * then follows one that had completed, and no lost one. Default false.
   */
  readonly beforeWorkflow?: boolean;
  /** The policy of a session that a message creates. Default: none. */
  readonly policy?: Policy;
  /** The W3C trace of the request, for runs that are executed without the workflow. */
  readonly traceparent?: string | undefined;
}

/** Budgets that messages are checked against. */
export interface AdmissionBudget {
  readonly budgets: ResolvedBudgets;
  /** Returns the limits of a session and its runs. */
  readonly budgetOf: (agent: string, session: Policy) => RunBudget;
  /** Returns the model of the first call for a message, and the least that the call can use; null for an unknown agent. `nanos` is null when the price is unknown. */
  readonly leastOf: (
    agent: string,
    message: Pick<IncomingMessage, 'content' | 'parts' | 'output'>,
  ) => { readonly model: string; readonly nanos: number | null; readonly tokens: number } | null;
}

/** The decision about one message. */
export type AdmissionDecision =
  | {
      readonly ok: true;
      readonly receipt: Receipt;
      /** Whether this id was admitted before with the same body. The receipt is then the first one. */
      readonly duplicate: boolean;
      /** The run made for this message, while it is open; null for a steering message. Set for a duplicate too, in case the first response was lost. */
      readonly run: OpenRun | null;
      /** Id of the run that this message interrupts, while that run is running. */
      readonly interrupts: string | null;
    }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly detail: string;
      readonly retryAfterMs: number | null;
      /** The exceeded budget, with `budget_exceeded`. */
      readonly budget?: BudgetFacts | undefined;
    };
