import type { z } from 'zod';
import type {
  CancelledRun,
  CancelRun,
  EndSession,
  OpenedSession,
  OpenSession,
  UpdateSession,
} from '../contracts/session/commands.ts';
import type { CountsRecorded, RecordCounts } from '../contracts/session/recorded-counts.ts';
import type { StreamEvent } from '../contracts/events/event.ts';
import type { ApprovalAnswer, ClientAnswer, InboxItem } from '../contracts/session/inbox-item.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { MessageContent, MessageInput, Receipt } from '../contracts/session/message.ts';
import type { SessionExport } from '../contracts/session/session-export.ts';
import type { SessionSnapshot } from '../contracts/session/session.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import type { TranscriptEntry } from '../contracts/session/transcript.ts';
import type { Page } from './http/page.ts';
import type { CallName, ItemQuery } from './http/queries.ts';
import type { CallContext } from '../contracts/session/call-context.ts';
import type { RunWhy, SessionWhy } from '../contracts/why.ts';
import { awaitAnswer } from './await-answer.ts';
import type { Answer } from './await-answer.ts';
import { answering, type AnswerOptions, type ItemAnswers } from './client-tools.ts';
import type { StreamOptions } from './http/event-stream.ts';
import type { ExportOptions, GatewayClient } from './http/gateway-client.ts';
import { retryUnreachable } from './http/retry-unreachable.ts';
import { inputOf } from './input-of.ts';
import { isExpired } from './is-expired.ts';
import { wholeTranscript } from './http/whole-transcript.ts';
import type { SessionSender } from './temporal/session-sender.ts';
import { retryUntilFound } from './retry-until-found.ts';
import { structured, withSchema, type StructuredAnswer } from './structured-answer.ts';

/**
 * One session of one user. A message is its text, its parts, or a {@link MessageInput}. Methods reject with a PerdureError, or with
 * a GatewayUnreachableError when the gateway cannot be reached.
 */
export interface SessionHandle {
  readonly key: SessionKey;
  /** Gets or creates the session without a message. */
  open(input?: OpenSession): Promise<OpenedSession>;
  /** Delivers a message and resolves with its receipt, which, through Temporal, is `accepted` when no worker responds in time. Safe to repeat with the same id. */
  send(message: MessageContent | MessageInput): Promise<Receipt>;
  /** Delivers a message and resolves with its id. */
  signal(message: MessageContent | MessageInput): Promise<string>;
  /**
   * Delivers a message and waits for the answer. Rejects with a RunNotCompletedError when its run fails or is cancelled. `tools` and
   * `onApproval` answer what the run waits for meanwhile; without them, it waits until somebody else does.
   */
  ask(
    message: MessageContent | MessageInput,
    options?: AnswerOptions & { signal?: AbortSignal; schema?: undefined },
  ): Promise<Answer>;
  /** With a zod schema of an object, the answer is structured, and rejects with an InvalidAnswerError when `schema` does not accept it. */
  ask<T>(
    message: MessageContent | MessageInput,
    options: AnswerOptions & { signal?: AbortSignal; schema: z.ZodType<T> },
  ): Promise<StructuredAnswer<T>>;
  /** Approvals of the session, by default those that wait, the oldest first. */
  approvals(query?: ItemQuery): Promise<Page<InboxItem>>;
  /** Calls of client tools, by default those that wait, the oldest first. */
  clientCalls(query?: ItemQuery): Promise<Page<InboxItem>>;
  /** Approves a tool call: an item of {@link approvals}, or its id. Rejects with `already_decided` once it is answered. */
  approve(item: ItemRef, options?: Omit<ApprovalAnswer, 'decision'>): Promise<void>;
  /** Rejects a tool call. The model is given the reason. */
  reject(item: ItemRef, reason?: string): Promise<void>;
  /** Hands in the result of a client call, its error, or `{ action: 'decline' }` or `'cancel'` for a user who does not answer. */
  answerClientCall(item: ItemRef, answer: ClientAnswer): Promise<void>;
  /** Past events from the start, or after `after`, then new ones. Each exactly once, over any number of reconnects. `tools` and `onApproval` answer what they request. */
  stream(options?: StreamOptions & AnswerOptions): AsyncIterable<StreamEvent>;
  snapshot(): Promise<SessionSnapshot>;
  transcript(): Promise<readonly TranscriptEntry[]>;
  /** What the session waits for, since when, who can unblock it, and when it times out. */
  why(): Promise<SessionWhy>;
  /** Where a run's time and money went. */
  whyRun(runId: string): Promise<RunWhy>;
  /** What a model call of a run was given, in parts with their origins. Default: the call that was answered in the run's last step. Throws `not_found`. */
  context(runId: string, call?: CallName): Promise<CallContext>;
  /** Merges metadata, state and policy; null removes a key. Throws `not_found`. */
  update(input: UpdateSession): Promise<void>;
  /** Adds counts of your own to the session's statistics, once per `key`: safe to repeat. Throws `not_found`, and `idempotency_conflict` for a key that was recorded with other counts. */
  record(counts: RecordCounts): Promise<CountsRecorded>;
  /** Stops a run, by default the current one. Resolves with `{runId: null}` when there was none to stop. */
  cancel(input?: CancelRun): Promise<CancelledRun>;
  /** Lets a failed run continue after its last completed step. */
  resume(runId: string): Promise<void>;
  end(input?: EndSession): Promise<void>;
  /** The session as one JSON document, for `Perdure.import` here or in another installation. */
  export(options?: ExportOptions): Promise<SessionExport>;
  /** Restores an archived session without a message. Does nothing to another one. Throws `not_found`. */
  restore(): Promise<SessionSnapshot>;
  /** Whether the session has been idle for `idleMs`. */
  isExpired(idleMs: number): Promise<boolean>;
}

export function createSessionHandle(
  key: SessionKey,
  sender: () => Promise<SessionSender>,
  gateway: GatewayClient,
): SessionHandle {
  const answers: ItemAnswers = {
    async pending(kind) {
      const page = { limit: LIMITS.inboxPage.value };
      const waiting =
        kind === 'approval' ? gateway.approvals(key.session, page) : gateway.clientCalls(key.session, page);
      return (await waiting).data;
    },
    approval: async (item, answer) => (await sender()).answerApproval(key, item.id, { hash: item.hash, ...answer }),
    clientCall: async (item, answer) => (await sender()).answerClientCall(key, item.id, { ...answer, hash: item.hash }),
  };

  async function ask<T>(
    message: MessageContent | MessageInput,
    options: AnswerOptions & { signal?: AbortSignal; schema?: z.ZodType<T> | undefined } = {},
  ): Promise<StructuredAnswer<T>> {
    const { schema } = options;
    const input = withSchema(inputOf(message), schema);
    const receipt = await (await sender()).submit(key, input);
    // Without `seq`, the message waits for a worker or is unknown to it: it can be anywhere.
    const after = receipt.seq === undefined ? 0 : receipt.seq - 1;
    const events = retryUntilFound(
      () => gateway.stream(key.session, { after, signal: options.signal }),
      options.signal,
    );
    // Requests of other runs of the session are left to those who wait for them.
    const answered = answering(events, options, answers, () => receipt.runId);
    const answer = await awaitAnswer(answered, receipt.messageId, receipt.runId);
    return schema === undefined ? (answer as StructuredAnswer<T>) : structured(answer, schema);
  }

  return {
    key,
    open: async (input = {}) => (await sender()).open(key, input),
    send: async (message) => (await sender()).submit(key, inputOf(message)),
    signal: async (message) => (await sender()).signal(key, inputOf(message)),
    ask,
    approvals: (query) => gateway.approvals(key.session, query),
    clientCalls: (query) => gateway.clientCalls(key.session, query),
    async approve(item, options = {}) {
      const { id, ...bound } = boundTo(item);
      await (await sender()).answerApproval(key, id, { ...bound, ...options, decision: 'approve' });
    },
    async reject(item, reason) {
      const { id, ...bound } = boundTo(item);
      const answer = { ...bound, decision: 'reject', ...(reason === undefined ? {} : { reason }) } as const;
      await (await sender()).answerApproval(key, id, answer);
    },
    async answerClientCall(item, answer) {
      const { id, ...bound } = boundTo(item);
      await (await sender()).answerClientCall(key, id, { ...bound, ...answer });
    },
    stream: ({ tools, onApproval, ...options } = {}) => {
      const events = gateway.stream(key.session, options);
      if (tools === undefined && onApproval === undefined) return events;
      return answering(events, { tools, onApproval }, answers);
    },
    snapshot: () => gateway.snapshot(key.session),
    transcript: () => wholeTranscript(gateway, key.session),
    why: () => gateway.whySession(key.session),
    whyRun: (runId) => gateway.whyRun(key.session, runId),
    context: (runId, call) => gateway.context(key.session, runId, call),
    update: async (input) => (await sender()).update(key, input),
    record: (counts) => retryUnreachable(() => gateway.record(key.session, counts)),
    cancel: async (input = {}) => (await sender()).cancel(key, input),
    resume: async (runId) => (await sender()).resume(key, { runId }),
    end: async (input = {}) => (await sender()).end(key, input),
    export: (options) => gateway.exportSession(key.session, options),
    restore: () => gateway.restore(key.session),
    isExpired: async (idleMs) => isExpired(await gateway.snapshot(key.session), idleMs),
  };
}

/** An approval or a client call, or its id. With the item, the answer is bound to what was read. */
export type ItemRef = string | Pick<InboxItem, 'id' | 'hash'>;

function boundTo(item: ItemRef): { readonly id: string; readonly hash?: string } {
  return typeof item === 'string' ? { id: item } : { id: item.id, hash: item.hash };
}
