import { setTimeout as delay } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import type { GatewayClient } from '../../client/http/gateway-client.ts';
import { GatewayUnreachableError } from '../../client/http/gateway-unreachable-error.ts';
import { endsRun } from '../../contracts/events/event-traits.ts';
import type { StreamEvent } from '../../contracts/events/event.ts';
import type { MessageContent, Receipt } from '../../contracts/session/message.ts';

import { isRequest } from './question.ts';

/** How long a message is resent to a gateway that is unreachable. The message id makes that safe. */
const RESEND_FOR_MS = 60_000;
const RESEND_INTERVAL_MS = 500;

/** Sends messages to a session and tracks their answers. */
export interface Conversation {
  /** Whether a message sent here has not been answered yet. */
  readonly busy: boolean;
  /** The number of messages sent here that were refused, and of their runs that failed or were cancelled. */
  readonly unanswered: number;
  send(content: MessageContent): Promise<Receipt>;
  /** Resolves when every message sent here has been answered; rejects when the events cannot be read any more. */
  settled(): Promise<void>;
  /** Cancels the current run. False when there is none. */
  cancel(): Promise<boolean>;
  /** Stops reading events. */
  close(): Promise<void>;
}

export interface ConversationListener {
  /** Called with events in order, without those of messages sent here. */
  onEvent(event: StreamEvent): void;
  /** Called with the events of messages sent here. */
  onOwnMessage(event: Extract<StreamEvent, { type: 'message.received' }>): void;
  /** Called with the events of runs that calls have made. Default: they are not read. */
  onBelow?(event: StreamEvent): void;
  onConnection(state: 'lost' | 'back'): void;
  /** Called when every message sent here has been answered. */
  onSettled?(): void;
  /** Called when the events cannot be read any more. */
  onLost?(error: unknown): void;
  /** Whether a message counts as unanswered as soon as its run waits for somebody. Default false: it is open until the run ends. */
  readonly settlesOnRequest?: boolean;
}

/** Starts to read the events of a session after `after`. */
export function startConversation(
  client: GatewayClient,
  id: string,
  after: number,
  listener: ConversationListener,
): Conversation {
  /** The ids of messages sent here and not answered, with their run once it is known. */
  const open = new Map<string, string | null>();
  const stop = new AbortController();
  let unanswered = 0;
  let waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  let lost: { error: unknown } | undefined;

  /** Returns true when no other message is open. */
  function removeMessage(messageId: string): boolean {
    open.delete(messageId);
    if (open.size > 0) return false;
    for (const { resolve } of waiting) resolve();
    waiting = [];
    return true;
  }

  function closeMessage(messageId: string): void {
    if (removeMessage(messageId)) listener.onSettled?.();
  }

  function track(event: StreamEvent): void {
    if (event.type === 'message.received' && open.has(event.messageId)) open.set(event.messageId, event.runId);
    if (event.type === 'message.refused' && event.messageId !== null && open.has(event.messageId)) {
      unanswered += 1;
      closeMessage(event.messageId);
    }
    const isOver = endsRun(event.type) || (listener.settlesOnRequest === true && isRequest(event));
    if (!isOver || !('runId' in event)) return;
    const answered = [...open].filter(([, runId]) => runId === event.runId);
    if (answered.length > 0 && event.type !== 'run.completed') unanswered += 1;
    for (const [messageId] of answered) closeMessage(messageId);
  }

  const reading = (async () => {
    const events = client.stream(id, {
      after,
      signal: stop.signal,
      children: listener.onBelow !== undefined,
      onConnection: (state) => listener.onConnection(state),
    });
    for await (const event of events) {
      if (event.sessionId !== id) {
        listener.onBelow?.(event);
        continue;
      }
      if (event.type === 'message.received' && open.has(event.messageId)) listener.onOwnMessage(event);
      else listener.onEvent(event);
      track(event);
    }
  })().catch((error: unknown) => {
    if (stop.signal.aborted) return;
    lost = { error };
    for (const { reject } of waiting) reject(error);
    waiting = [];
    listener.onLost?.(error);
  });

  return {
    get busy() {
      return open.size > 0;
    },
    get unanswered() {
      return unanswered;
    },
    async send(content) {
      const messageId = uuidv7();
      open.set(messageId, null);
      try {
        return await sendWithRetry(client, id, messageId, content);
      } catch (error) {
        removeMessage(messageId);
        throw error;
      }
    },
    async settled() {
      if (lost !== undefined) throw lost.error;
      if (open.size > 0) await new Promise<void>((resolve, reject) => void waiting.push({ resolve, reject }));
    },
    async cancel() {
      const known = [...open.values()].find((runId) => runId !== null);
      const runId = (await client.snapshot(id)).currentRun?.id ?? known;
      if (runId === undefined || runId === null) return false;
      return (await client.cancel(id, runId)).runId !== null;
    },
    async close() {
      stop.abort();
      await reading;
    },
  };
}

async function sendWithRetry(
  client: GatewayClient,
  id: string,
  messageId: string,
  content: MessageContent,
): Promise<Receipt> {
  const until = Date.now() + RESEND_FOR_MS;
  for (;;) {
    try {
      return await client.send(id, { id: messageId, content });
    } catch (error) {
      if (!(error instanceof GatewayUnreachableError) || Date.now() > until) throw error;
      await delay(RESEND_INTERVAL_MS);
    }
  }
}
