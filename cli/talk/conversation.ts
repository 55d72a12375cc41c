import { setTimeout as delay } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import type { GatewayClient } from '../../client/http/gateway-client.ts';
import { GatewayUnreachableError } from '../../client/http/gateway-unreachable-error.ts';
import { endsRun } from '../../contracts/session/event.ts';
import type { StreamEvent } from '../../contracts/session/event.ts';
import type { Receipt } from '../../contracts/session/message.ts';

/** How long a message is offered again to a gateway that went away. Its id makes that safe. */
const RESEND_FOR_MS = 60_000;
const RESEND_PAUSE_MS = 500;

/** A person's side of one session: what was said here and is not answered yet. */
export interface Conversation {
  /** Whether something said here waits for its answer. */
  readonly busy: boolean;
  /** Runs of messages said here that failed or were cancelled, and messages refused. */
  readonly unanswered: number;
  say(content: string): Promise<Receipt>;
  /** Resolves when all that was said is answered; rejects when the events can no longer be read. */
  settled(): Promise<void>;
  /** Stops the run that is going; false when there is none. */
  cancel(): Promise<boolean>;
  /** Stops reading. */
  close(): Promise<void>;
}

export interface ConversationListener {
  /** Events in order; the echo of what was said here is left out. */
  onEvent(event: StreamEvent): void;
  onConnection(state: 'lost' | 'back'): void;
  /** Something said here got its answer. */
  onSettled?(): void;
  /** The events can no longer be read. */
  onLost?(error: unknown): void;
}

/** Reads the session's events from `after` on. */
export function startConversation(
  client: GatewayClient,
  id: string,
  after: number,
  listener: ConversationListener,
): Conversation {
  /** Message ids said here, each with its run once that is known. */
  const open = new Map<string, string | null>();
  const stop = new AbortController();
  let unanswered = 0;
  let waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  let lost: { error: unknown } | undefined;

  /** True when nothing else waits. */
  function forget(messageId: string): boolean {
    open.delete(messageId);
    if (open.size > 0) return false;
    for (const { resolve } of waiting) resolve();
    waiting = [];
    return true;
  }

  function close(messageId: string): void {
    if (forget(messageId)) listener.onSettled?.();
  }

  function track(event: StreamEvent): void {
    if (event.type === 'message.received' && open.has(event.messageId)) open.set(event.messageId, event.runId);
    if (event.type === 'message.refused' && event.messageId !== null && open.has(event.messageId)) {
      unanswered += 1;
      close(event.messageId);
    }
    if (!endsRun(event.type) || !('runId' in event)) return;
    const answered = [...open].filter(([, runId]) => runId === event.runId);
    if (answered.length > 0 && event.type !== 'run.completed') unanswered += 1;
    for (const [messageId] of answered) close(messageId);
  }

  const reading = (async () => {
    const events = client.stream(id, {
      after,
      signal: stop.signal,
      onConnection: (state) => listener.onConnection(state),
    });
    for await (const event of events) {
      const echo = event.type === 'message.received' && open.has(event.messageId);
      if (!echo) listener.onEvent(event);
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
    async say(content) {
      const messageId = uuidv7();
      open.set(messageId, null);
      try {
        return await sendPatiently(client, id, messageId, content);
      } catch (error) {
        forget(messageId);
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

async function sendPatiently(client: GatewayClient, id: string, messageId: string, content: string): Promise<Receipt> {
  const until = Date.now() + RESEND_FOR_MS;
  for (;;) {
    try {
      return await client.send(id, { id: messageId, content });
    } catch (error) {
      if (!(error instanceof GatewayUnreachableError) || Date.now() > until) throw error;
      await delay(RESEND_PAUSE_MS);
    }
  }
}
