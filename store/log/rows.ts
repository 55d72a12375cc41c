import type { Answerer, OnExpiry } from '../../contracts/approvals/approval-settings.ts';
import type { Policy } from '../../contracts/agent.ts';
import type {
  ContextCallStatus,
  ContextPhase,
  ContextProgress,
  Contribution,
} from '../../contracts/capabilities/context-provider.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import type { ContextRecord } from '../../contracts/session/call-context.ts';
import type { InboxKind, InboxStatus, ItemDecision } from '../../contracts/session/inbox-item.ts';
import type { Receipt } from '../../contracts/session/message.ts';
import type {
  CallKind,
  CallOutcome,
  Finish,
  RunError,
  RunStatus,
  ToolStatus,
  Usage,
} from '../../contracts/session/run.ts';
import type { RecoveryReason, SessionStatus } from '../../contracts/session/session.ts';
import type { CallSumColumns, CostColumns, TokenColumns } from './sums.ts';

// Rows of the tables, with the names of their columns. Write functions load, change and save them. Times are text.

/** A row of `sessions` without the columns that may be large: metadata and state. */
export interface SessionRow extends TokenColumns, CostColumns, CallSumColumns {
  readonly kind: 'session' | 'run';
  status: SessionStatus;
  agent: string;
  policy: Policy;
  head: number;
  messages: number;
  runs: number;
  errors: number;
  last_ordinal: number;
  end_reason: string | null;
  execution: string | null;
  /** The worker whose activity serves the session; null when none does. */
  served_by: string | null;
  /** Incremented by each activity that begins to serve the session. */
  epoch: number;
  last_active_at: string;
  /** When the session was created or last reopened. */
  opened_at: string;
  /** Reason of the last recovery; null once a run has completed since. */
  recovered: RecoveryReason | null;
}

export interface RunRow extends TokenColumns, CostColumns, CallSumColumns {
  readonly run_id: string;
  ordinal: number;
  urgent: boolean;
  status: RunStatus;
  agent: string;
  agent_version: string | null;
  model: string | null;
  /** The models that are asked after `model`; null for none. */
  fallback_models: string[] | null;
  /** The model that gave the output of a run with fallback models. */
  answer_model: string | null;
  /** Null if the agent lists no context provider. */
  context: ContextProgress | null;
  message_ids: string[];
  bytes: number;
  last_message_seq: number;
  started_seq: number | null;
  resumes: number;
  steps: number;
  active_ms: number;
  output: string | null;
  /** The structured answer. */
  object: JsonObject | null;
  error: RunError | null;
  readonly created_at: string;
  started_at: string | null;
  ended_at: string | null;
  /** Consecutive failures of its activities that are no failures of its model or tools. */
  failures: number;
  /** Of the message that queued it; null without a trace. */
  readonly traceparent: string | null;
  /** Whether the session's queued runs wait behind the run while it waits. Null: they do not. */
  holds_queue: boolean | null;
}

export interface StepRow {
  readonly run_id: string;
  readonly step: number;
  attempts: number;
  /** Attempts made before the run was last resumed. */
  attempts_before: number;
  committed: boolean;
  model: string | null;
  finish: Finish | null;
  usage: Usage | null;
  first_token_ms: number | null;
  readonly started_at: string;
  ended_at: string | null;
}

/** One attempt of a step's model call. Money in nano-dollars. */
export interface ModelCallRow extends TokenColumns {
  readonly run_id: string;
  readonly step: number;
  readonly attempt: number;
  readonly agent: string;
  /** `provider/model`. */
  readonly model: string;
  answered_by: string | null;
  /** `YYYY-MM-DD`. */
  readonly day: string;
  outcome: CallOutcome;
  error_code: string | null;
  /** When the next attempt follows a failed one; null when none follows. */
  retry_at: string | null;
  provider_message: string | null;
  /** Whether the step makes no further call to the model: another one is asked next. Null: no. */
  gave_up: boolean | null;
  readonly started_at: string;
  ended_at: string | null;
  first_token_ms: number | null;
  duration_ms: number | null;
  cost_nanos: number | null;
  price_source: string | null;
  price_date: string | null;
  reserved_nanos: number | null;
  reserved_tokens: number | null;
  held_nanos: number;
  held_tokens: number;
  /** False if the request was not sent: it does not count as a call. */
  made: boolean;
  /** How its context was composed; null until it has ended, and where its worker was lost. */
  context: ContextRecord | null;
  /** What the call is for: a summary of older messages, as step 0; null for a step of its run. */
  readonly kind: CallKind | null;
  /**
   * Of a call in progress: its estimated usage if nothing more becomes known. Of a settled call: what it is charged where
   * the actual amount is unknown; null where that is known or cannot be estimated.
   */
  estimated_input_tokens: number | null;
  estimated_output_tokens: number | null;
  estimated_nanos: number | null;
}

export interface ToolCallRow {
  readonly run_id: string;
  readonly call_id: string;
  readonly step: number;
  readonly position: number;
  readonly tool: string;
  /** Id of the program's call, if a program makes this one. */
  readonly program: string | null;
  status: ToolStatus;
  readonly idempotent: boolean;
  readonly idempotency_key: string;
  arguments: Json;
  result: Json | null;
  error: string | null;
  attempts: number;
  started_at: string | null;
  ended_at: string | null;
}

/** A tool call that waits, or has waited, for somebody. */
export interface InboxRow {
  readonly item_id: string;
  readonly run_id: string;
  readonly call_id: string;
  readonly step: number;
  readonly tool: string;
  readonly agent: string;
  readonly kind: InboxKind;
  readonly hash: string;
  status: InboxStatus;
  readonly arguments: Json;
  readonly rules: InboxRules;
  readonly requested_at: string;
  readonly expires_at: string;
  remind_at: string | null;
  reminders: number;
  answered_at: string | null;
  answered_by: string | null;
  decision: ItemDecision | null;
  reason: string | null;
  /** In an object, because the arguments may be null. */
  edited: { readonly arguments: Json } | null;
}

/** Where a question of an MCP server belongs: the server gets the answers to all questions of a round, and its state. */
export interface ElicitationRound {
  /** From 1. */
  readonly round: number;
  /** The name that the server has given to the question. */
  readonly key: string;
  /** What the server gets back as it is; null if it has given nothing. */
  readonly state: string | null;
}

/** What applies to an inbox item, as its agent had it when the call was made. */
export interface InboxRules {
  readonly onExpiry: OnExpiry;
  /** When reminders are due, in ms after the request, in order. */
  readonly remindMs: readonly number[];
  readonly mayAnswer: readonly Answerer[];
  readonly fourEyes: boolean;
  /** JSON Schema: of the arguments of an approval, or of the result of a client tool. Null: any JSON. */
  readonly schema: Readonly<Record<string, unknown>> | null;
  /** The hash of the definition of an MCP server's tool, for which an approval is remembered. Absent: a tool without one. */
  readonly definition?: string;
  /** For a question of an MCP server that is answered by calling the tool again. Absent: any other item. */
  readonly elicitation?: ElicitationRound;
}

/** A call of a context provider, in one phase of a run. */
export interface ContextCallRow {
  readonly run_id: string;
  readonly phase: ContextPhase;
  readonly provider: string;
  readonly position: number;
  readonly status: ContextCallStatus;
  readonly attempts: number;
  readonly contribution: Contribution | null;
  readonly error: string | null;
  readonly started_at: string;
  readonly ended_at: string | null;
}

export interface MessageRow {
  readonly message_id: string;
  readonly run_id: string;
  readonly seq: number;
  readonly body_hash: string;
  readonly interrupts: string | null;
  readonly receipt: Receipt;
}
