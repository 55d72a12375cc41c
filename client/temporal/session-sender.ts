import type {
  CancelledRun,
  CancelRun,
  EndSession,
  OpenedSession,
  OpenSession,
  ResumeRun,
  UpdateSession,
} from '../../contracts/session/commands.ts';
import type { CleanRequest } from '../../contracts/maintenance.ts';
import type { MessageInput, Receipt } from '../../contracts/session/message.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Execution } from './temporal-state.ts';

/**
 * Delivers to sessions. Input is checked before it is sent. Every method rejects with a
 * {@link import('../../contracts/errors.ts').PerdureError}: what the session refuses with its own code,
 * `temporal_unavailable` when Temporal, or a worker where one is needed, does not answer.
 */
export interface SessionSender {
  /** Gets or creates a session without a message. Needs a worker. */
  open(key: SessionKey, input: OpenSession): Promise<OpenedSession>;
  /**
   * Delivers a message; creates the session if absent. Needs no worker: when none answers in time, the
   * receipt says `accepted`. The same id and body give the same receipt, for ever.
   */
  submit(key: SessionKey, input: MessageInput): Promise<Receipt>;
  /** As {@link submit}, for a run without a session; `key.session` is the id under which its rows live. */
  submitRun(key: SessionKey, input: MessageInput): Promise<Receipt>;
  /** Delivers a message without waiting for the session's yes or no. Needs no worker. Resolves with the message's id once Temporal has it. */
  signal(key: SessionKey, input: MessageInput): Promise<string>;
  /** Merges metadata, state and policy. Needs a worker. */
  update(key: SessionKey, input: UpdateSession): Promise<void>;
  /** Stops a run at once. `{runId: null}` when none was going, or when no worker answered and a signal was left instead. */
  cancel(key: SessionKey, input: CancelRun): Promise<CancelledRun>;
  /** As {@link cancel}, for a run without a session. */
  cancelRun(key: SessionKey, input: CancelRun): Promise<CancelledRun>;
  /** Lets a failed run go on from its last completed step. Needs a worker. */
  resume(key: SessionKey, input: ResumeRun): Promise<void>;
  /** Ends a session. When no worker answers in time, a signal is left. */
  end(key: SessionKey, input: EndSession): Promise<void>;
  /** Lets the session's workflow, if one is running, ask the store how the session is, and complete if it is no longer active. Needs no worker. */
  checkExpiry(key: SessionKey): Promise<void>;
  /** Terminates the session's workflow, if one is running. The store is left as it is. */
  terminate(key: SessionKey, reason: string): Promise<void>;
  /** Workers that asked the task queue for work within the last 70 s: a poll lasts a minute at most. Rejects when Temporal does not answer. */
  workers(): Promise<number>;
  /** Deletes every execution of the session from Temporal, running or closed. */
  forget(key: SessionKey): Promise<void>;
  /** Whether each of these workflows, of any type, runs. Rejects when Temporal does not answer at once. */
  executions(workflowIds: readonly string[]): Promise<Execution[]>;
  /** Starts a clean-up of a user's sessions, or of everybody's (null); resolves with the id of its report. Needs no worker. */
  clean(user: string | null, request: CleanRequest): Promise<string>;
  /** Whether Temporal answers and has the namespace. */
  ready(): Promise<boolean>;
}
