import { openLastingConnection, type LastingConnection } from './lasting-connection.ts';
import type { LiveMessage, Subscription } from './live-channel.ts';
import { channelOf } from './notify-channel.ts';
import { PayloadReader } from './payload.ts';

/** The longest wait of `subscribe` for a connection. It then resolves without one: subscribers also poll the store. */
const SUBSCRIBE_TIMEOUT_MS = 2_000;

export interface NotifyListener {
  subscribe(topic: string, listener: (message: LiveMessage) => void): Promise<Subscription>;
  /** Runs a query on the connection. Rejects while it is broken. */
  readonly query: LastingConnection['query'];
  ready(): Promise<boolean>;
  close(): Promise<void>;
}

export interface NotifyListenerOptions {
  readonly databaseUrl: string;
  readonly sender: string;
  /** Whether messages are ignored that were also sent over Redis. Default: never. */
  readonly ignoresCopies?: () => boolean;
  /** Called when the connection was opened, first or again. */
  readonly onOpened?: (query: LastingConnection['query']) => void;
}

/** The `application_name` of a listener's connection. */
export const LISTENER_NAME = 'perdure live listener';

/** Opens one connection that listens to the channels of the subscribed topics, and listens again after a reconnect. */
export function openNotifyListener(options: NotifyListenerOptions): NotifyListener {
  const { ignoresCopies = () => false, onOpened: whenOpened } = options;
  const reader = new PayloadReader(options.sender);
  const listeners = new Map<string, Set<(message: LiveMessage) => void>>();
  /** `listening` resolves once the current connection listens to the channel. */
  const channels = new Map<string, { subscriptions: number; listening: Promise<void> }>();
  let onOpened = Promise.withResolvers<void>();

  const connection = openLastingConnection(options.databaseUrl, LISTENER_NAME, async (client, query) => {
    client.on('notification', ({ payload }) => receive(payload ?? ''));
    for (const [name, channel] of channels) channel.listening = listen(query, name);
    await Promise.all([...channels.values()].map(({ listening }) => listening));
    whenOpened?.(query);
    onOpened.resolve();
    onOpened = Promise.withResolvers();
  });

  function receive(payload: string): void {
    for (const { topic, message, isCopy } of reader.read(payload)) {
      if (isCopy && ignoresCopies()) continue;
      for (const listener of listeners.get(topic) ?? []) {
        try {
          listener(message);
        } catch {
          // Listeners must not throw. One that does must not affect the others.
        }
      }
    }
  }

  async function join(name: string): Promise<void> {
    const known = channels.get(name);
    if (known !== undefined) {
      known.subscriptions += 1;
      return known.listening;
    }
    const listening = connection.isOpen ? listen(connection.query, name) : onOpened.promise;
    channels.set(name, { subscriptions: 1, listening });
    return listening;
  }

  function leave(name: string): void {
    const channel = channels.get(name);
    if (channel === undefined) return;
    channel.subscriptions -= 1;
    if (channel.subscriptions > 0) return;
    channels.delete(name);
    connection.query(`UNLISTEN ${name}`).catch(() => undefined);
  }

  return {
    async subscribe(topic, listener) {
      const ofTopic = listeners.get(topic) ?? new Set();
      listeners.set(topic, ofTopic);
      // A function may subscribe twice; the wrapper makes each subscription an entry of its own.
      const entry = (message: LiveMessage): void => listener(message);
      ofTopic.add(entry);
      const name = channelOf(topic);
      await settledOrTimeout(join(name));
      let open = true;
      return {
        close() {
          if (!open) return;
          open = false;
          ofTopic.delete(entry);
          if (ofTopic.size === 0 && listeners.get(topic) === ofTopic) listeners.delete(topic);
          leave(name);
        },
      };
    },
    query: (sql, params) => connection.query(sql, params),
    ready: () => connection.ping(),
    async close() {
      listeners.clear();
      await connection.close();
    },
  };
}

/** Never rejects: when the connection breaks, its replacement listens to all channels. */
async function listen(query: LastingConnection['query'], channel: string): Promise<void> {
  await query(`LISTEN ${channel}`).catch(() => undefined);
}

async function settledOrTimeout(work: Promise<void>): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const timer = setTimeout(timeout.resolve, SUBSCRIBE_TIMEOUT_MS);
  await Promise.race([work, timeout.promise]);
  clearTimeout(timer);
}
