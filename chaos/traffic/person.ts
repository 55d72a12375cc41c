import { setTimeout as delay } from 'node:timers/promises';
import { pathOf, readStream } from '../../test/support/gateway/http-calls.ts';
import type { Ledger } from './ledger.ts';

const REQUEST_MS = 10_000;
const AGAIN_MS = 200;
/** Longer than the interval at which a gateway sends a comment to an idle reader. */
const SILENT_MS = 20_000;
const MAX_OPEN = 4;

export interface PersonOptions {
  readonly session: string;
  readonly gateways: readonly string[];
  readonly random: () => number;
  readonly ledger: Ledger;
  /** How long the person thinks between two messages, in ms. */
  readonly thinkMs: (random: () => number) => number;
  readonly script: (id: string, random: () => number) => string;
}

/** A user with one session: sends messages until `stop` is aborted, and reads the session's stream until `leave` is. */
export class Person {
  readonly #options: PersonOptions;
  /** Epoch ms of the last frame. */
  #heardAt = Date.now();
  #lastSeq = 0;

  constructor(options: PersonOptions) {
    this.#options = options;
  }

  get session(): string {
    return this.#options.session;
  }

  /** Sends one message after the other, whatever fails in between. */
  async talk(stop: AbortSignal): Promise<void> {
    const { session, random, ledger, thinkMs, script } = this.#options;
    for (let number = 1; !stop.aborted; number += 1) {
      const id = `${session}-${number}`;
      await this.#send(id, script(id, random));
      await pause(thinkMs(random), stop);
      while (ledger.openOf(session) >= MAX_OPEN && !stop.aborted) await pause(100, stop);
    }
  }

  /** Reads the stream, from any gateway, from where it was. */
  async read(leave: AbortSignal): Promise<void> {
    const { session, ledger } = this.#options;
    const messageOf = new Map<string, string>();
    while (!leave.aborted) {
      const silent = new AbortController();
      const timer = setInterval(() => {
        if (Date.now() - this.#heardAt > SILENT_MS) silent.abort();
      }, 1_000);
      try {
        const signal = AbortSignal.any([leave, silent.signal]);
        this.#heardAt = Date.now();
        await readStream(this.#caller(), session, { lastEventId: this.#lastSeq, signal }, ({ event }) => {
          this.#note();
          if (!('seq' in event)) return;
          if (event.seq !== this.#lastSeq + 1) {
            ledger.faults.push(`gap: a reader of ${session} received ${event.seq} after ${this.#lastSeq}`);
          }
          this.#lastSeq = event.seq;
          if (event.type === 'message.received') messageOf.set(event.runId, event.messageId);
          if (event.type === 'run.completed' || event.type === 'run.failed' || event.type === 'run.cancelled') {
            ledger.endedAt.set(messageOf.get(event.runId) ?? event.runId, Date.now());
          }
        });
      } catch {
        // The gateway is away, or the session does not exist yet.
      } finally {
        clearInterval(timer);
      }
      if (leave.aborted) return;
      ledger.reconnects += 1;
      await pause(AGAIN_MS, leave);
    }
  }

  #note(): void {
    const { session, ledger } = this.#options;
    const now = Date.now();
    if (ledger.openOf(session) > 0) ledger.longestSilenceMs = Math.max(ledger.longestSilenceMs, now - this.#heardAt);
    this.#heardAt = now;
  }

  async #send(id: string, content: string): Promise<void> {
    const { session, ledger } = this.#options;
    const sentAt = Date.now();
    for (;;) {
      const status = await this.#post(id, content);
      if (status !== null && status < 300) {
        ledger.accepted.push({ session, id, sentAt, acceptedAt: Date.now() });
        return;
      }
      if (status !== null && status < 500 && status !== 429) {
        ledger.faults.push(`refused: the message ${id} gave ${status}`);
        return;
      }
      ledger.sentAgain += 1;
      await delay(AGAIN_MS);
    }
  }

  /** The status, or null when there was no response. */
  async #post(id: string, content: string): Promise<number | null> {
    const { url, user } = this.#caller();
    try {
      const response = await fetch(`${url}${pathOf(user, 'messages')}`, {
        method: 'POST',
        headers: { 'perdure-user': user, 'content-type': 'application/json' },
        body: JSON.stringify({ id, content }),
        signal: AbortSignal.timeout(REQUEST_MS),
      });
      await response.body?.cancel();
      return response.status;
    } catch {
      return null;
    }
  }

  #caller() {
    const { gateways, random, session } = this.#options;
    return { url: gateways[Math.floor(random() * gateways.length)] ?? '', user: session };
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
