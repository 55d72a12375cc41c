import type {
  CancelledRun,
  CancelRun,
  EndSession,
  OpenedSession,
  OpenSession,
  ResumeRun,
  UpdateSession,
} from '../../contracts/session/commands.ts';
import type { ApprovalAnswer, ClientAnswer } from '../../contracts/session/inbox-item.ts';
import type { MessageInput, Receipt } from '../../contracts/session/message.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';

/**
 * Delivers messages and commands to sessions. Two implementations: over HTTP to the gateway, and through Temporal.
 *
 * Input is validated before anything is sent. Every method rejects with a
 * {@link import('../../contracts/errors.ts').PerdureError}: the session's own code when it refuses, and
 * `temporal_unavailable` when Temporal, or a worker where one is needed, does not respond. Over HTTP also with a
 * {@link import('../http/gateway-unreachable-error.ts').GatewayUnreachableError}.
 */
export interface SessionSender {
  /** Gets or creates a session without a message. Needs a worker. */
  open(key: SessionKey, input: OpenSession): Promise<OpenedSession>;
  /**
   * Delivers a message; creates the session if absent. Through Temporal, without a worker, the receipt is `accepted`. The same id and body
   * always give the same receipt.
   */
  submit(key: SessionKey, input: MessageInput): Promise<Receipt>;
  /** As {@link submit}, for a run without a session. `key` must be the `oneOffKey` of the message's id. */
  submitRun(key: SessionKey, input: MessageInput): Promise<Receipt>;
  /**
   * Delivers a message and resolves with its id. Through Temporal it returns as soon as the signal is stored: a later
   * refusal appears only as the event `message.refused`. Over HTTP the refusal is thrown.
   */
  signal(key: SessionKey, input: MessageInput): Promise<string>;
  /** Merges metadata, state and policy. Throws `not_found`. Needs a worker. */
  update(key: SessionKey, input: UpdateSession): Promise<void>;
  /** Stops a run, by default the current one. `{runId: null}` when there was none to stop, or when only a signal could be sent because no worker responded. */
  cancel(key: SessionKey, input: CancelRun): Promise<CancelledRun>;
  /** As {@link cancel}, for a run without a session. */
  cancelRun(key: SessionKey, input: CancelRun): Promise<CancelledRun>;
  /** Lets a failed run continue after its last completed step. Needs a worker. */
  resume(key: SessionKey, input: ResumeRun): Promise<void>;
  /** Approves or rejects a tool call that waits. Through Temporal, the user of the session answers, and a worker is needed. */
  answerApproval(key: SessionKey, itemId: string, answer: ApprovalAnswer): Promise<void>;
  /** Hands in the result of a client call, or its error. Through Temporal as {@link answerApproval}. */
  answerClientCall(key: SessionKey, itemId: string, answer: ClientAnswer): Promise<void>;
  /** Ends a session. Without a worker it ends once one is available. Throws `not_found`. */
  end(key: SessionKey, input: EndSession): Promise<void>;
}
