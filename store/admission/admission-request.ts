import type { Policy } from '../../contracts/agent.ts';
import type { BudgetFacts, RunBudget } from '../../contracts/budget.ts';
import type { ErrorCode } from '../../contracts/errors.ts';
import type { MessageInput, Receipt, WhileRunning } from '../../contracts/session/message.ts';
import type { SessionLimits } from '../../contracts/session/session-limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Account, ResolvedBudgets } from '../../core/money/budget.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import type { PendingEvents } from '../log/pending-events.ts';
import type { LockedSession } from '../log/lock-session.ts';
import type { OpenRunRow } from '../runs/order-open-runs.ts';
import type { MessageRow, RunRow } from '../log/rows.ts';

/** A message with its id. */
export type IncomingMessage = MessageInput & { readonly id: string };

export interface AdmissionRequest {
  /** Handled in order, in one transaction. */
  readonly messages: readonly IncomingMessage[];
  /** Of a session that a message without `agent` creates. */
  readonly defaultAgent: string;
  readonly knowsAgent: (name: string) => boolean;
  readonly kind: 'session' | 'run';
  /** How many sessions may be active. Default: any number. */
  readonly limits?: SessionLimits | undefined;
  /** What an agent's policy says; the session's policy and the message itself come first. */
  readonly defaultWhileRunning: (agent: string) => WhileRunning;
  /** What limits the user and the session. Default: nothing. */
  readonly budget?: AdmissionBudget;
  /** Names the workflow start that asks, when it holds no state yet; null when it does. */
  readonly execution: string | null;
}

export interface AdmissionBudget {
  readonly budgets: ResolvedBudgets;
  /** Of a session and its runs. */
  readonly budgetOf: (agent: string, session: Policy) => RunBudget;
  /** What the first model call for a message takes at least, and of which model; null for an agent that is not known. */
  readonly leastOf: (
    agent: string,
    content: string,
  ) => { readonly model: string; readonly nanos: number | null; readonly tokens: number } | null;
}

export type AdmissionDecision =
  | {
      readonly ok: true;
      readonly receipt: Receipt;
      /** Whether this id was admitted before, with this body: the receipt is the first one. */
      readonly duplicate: boolean;
      /** The run made for this message, while it is open; null for a steered message. A duplicate names it too, for whoever did not hear the first answer. */
      readonly run: OpenRun | null;
      /** The run that this message stops, while it is running. */
      readonly interrupts: string | null;
    }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly detail: string;
      readonly retryAfterMs: number | null;
      /** The budget that refuses it. */
      readonly budget?: BudgetFacts | undefined;
    };

/** The state that admission decides on, and what it makes of it. Nothing here is saved yet. */
export interface AdmissionState {
  readonly key: SessionKey;
  readonly admission: AdmissionRequest;
  /** Null until there is one. */
  session: LockedSession | null;
  pending: PendingEvents | null;
  /** Messages admitted before under the ids at hand, and those admitted here. */
  readonly known: Map<string, MessageRow>;
  readonly open: OpenRunRow[];
  readonly running: RunRow | null;
  readonly messages: MessageRow[];
  /** The budgets that are in force. */
  readonly accounts: readonly Account[];
  /** The time at which is decided. */
  readonly at: string;
  readonly runs: Set<RunRow>;
  /** Makes the session that the first accepted message needs. */
  readonly create: (agent: string) => LockedSession;
}
