import { Semaphore } from 'async-mutex';
import { LIMITS } from '../contracts/limits.ts';
import type { McpCall, McpCallEnd } from './make-call.ts';
import type { ServerConnection } from './server-connection.ts';
import { untilAborted } from './until-aborted.ts';

export type AskingCall = McpCall & Required<Pick<McpCall, 'asking'>>;

/** Calls in progress over connections of their own, of all servers. */
const places = new Semaphore(LIMITS.mcpAskingCalls.value);
/** A connection that no call has used for so long is closed. */
const IDLE_MS = 60_000;

/**
 * The connections to a server that may ask the user. One that asks in its results has one for all calls. By the versions of the protocol up to
 * 2025-11-25, a question says nothing of the call that it belongs to: then each call has a connection of its own while it is in progress, which
 * is used for calls of the same user only, so that a question that comes late reaches nobody else.
 */
export class AskingConnections {
  /** For lists, and for the calls of a server that asks in its results. */
  readonly shared: ServerConnection;
  readonly #open: () => ServerConnection;
  readonly #idle = new Set<{ readonly user: string; readonly connection: ServerConnection }>();
  readonly #inUse = new Set<ServerConnection>();

  constructor(open: () => ServerConnection) {
    this.#open = open;
    this.shared = open();
  }

  /** Throws as `ServerConnection.call`. */
  async call(call: AskingCall): Promise<McpCallEnd> {
    if (await this.shared.asksInResults(call.signal)) return await this.shared.call(call);
    const place = places.acquire();
    const [, release] = await untilAborted(call.signal, place).catch((error: unknown) => {
      void place.then(([, free]) => free());
      throw error;
    });
    try {
      return await this.#callAlone(call);
    } finally {
      release();
    }
  }

  /** The time since the last use of any connection, in ms; 0 during one. */
  get idleMs(): number {
    const own = [...this.#idle].map(({ connection }) => connection.idleMs);
    return this.#inUse.size > 0 ? 0 : Math.min(this.shared.idleMs, ...own);
  }

  /** Closes the connections of users that no call has used for a minute. */
  closeIdle(): void {
    for (const entry of this.#idle) {
      if (entry.connection.idleMs < IDLE_MS) continue;
      this.#idle.delete(entry);
      void entry.connection.close();
    }
  }

  async close(): Promise<void> {
    const own = [...[...this.#idle].map(({ connection }) => connection), ...this.#inUse];
    this.#idle.clear();
    await Promise.all([this.shared, ...own].map(async (connection) => await connection.close()));
  }

  async #callAlone(call: AskingCall): Promise<McpCallEnd> {
    const { user } = call.asking;
    const found = [...this.#idle].find((one) => one.user === user);
    if (found) this.#idle.delete(found);
    const connection = found?.connection ?? this.#open();
    this.#inUse.add(connection);
    let isFree = false;
    try {
      const end = await connection.call(call);
      isFree = true;
      return end;
    } finally {
      this.#inUse.delete(connection);
      // After a call that did not end by itself, the server may still ask.
      if (isFree) this.#idle.add({ user, connection });
      else void connection.close();
    }
  }
}
