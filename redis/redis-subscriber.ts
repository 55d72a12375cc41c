import type { SessionKey } from '../contracts/session/session-key.ts';
import type { LiveMessage, Subscription } from '../live/live-channel.ts';
import { openRedisConnection, type RedisClient, type RedisConnection } from './redis-connection.ts';
import { redisKeyOf } from './redis-keys.ts';

/** The longest wait of `subscribe`. It then resolves without the channel: subscribers also read the store. */
const SUBSCRIBE_MS = 100;
/** Channels in one command. */
const CHANNELS_AT_ONCE = 500;

type Listener = (message: LiveMessage) => void;

interface Channel {
  readonly listeners: Set<Listener>;
  /** The connection that receives the channel. */
  joinedOn: RedisClient | undefined;
  /** The last command about the channel. They are sent one after the other. Never rejects. */
  settled: Promise<void>;
}

export interface RedisSubscriberOptions {
  readonly url: string;
  readonly prefix: string;
  /** The process whose messages are ignored: this one delivers its own. */
  readonly sender: string;
  readonly onChange: (isOpen: boolean) => void;
}

export interface RedisSubscriber {
  readonly connection: RedisConnection;
  subscribe(key: SessionKey, listener: Listener): Promise<Subscription>;
}

/** Opens a connection that receives the channels of the subscribed sessions, and subscribes again after a reconnect. */
export function openRedisSubscriber({ url, prefix, sender, onChange }: RedisSubscriberOptions): RedisSubscriber {
  const channels = new Map<string, Channel>();
  /** The connection as it is being prepared, or is open. */
  let current: RedisClient | undefined;

  const connection = openRedisConnection(url, {
    async prepare(client) {
      current = client;
      const names = [...channels.keys()];
      for (let start = 0; start < names.length; start += CHANNELS_AT_ONCE) {
        await client.subscribe(names.slice(start, start + CHANNELS_AT_ONCE), receive);
      }
      for (const name of names) {
        const channel = channels.get(name);
        if (channel) channel.joinedOn = client;
        else client.unsubscribe(name).catch(() => {});
      }
    },
    onChange,
  });

  function receive(payload: string, name: string): void {
    const [from, ...lines] = payload.split('\n');
    const channel = channels.get(name);
    if (from === sender || !channel) return;
    for (const message of lines.flatMap(parse)) {
      for (const listener of channel.listeners) {
        try {
          listener(message);
        } catch {
          // Listeners must not throw. One that does must not affect the others.
        }
      }
    }
  }

  /** Subscribes to a channel that has listeners, and unsubscribes from one that has none. */
  function settle(name: string, channel: Channel): void {
    channel.settled = channel.settled.then(() => joinOrLeave(name, channel)).catch(() => {});
  }

  async function joinOrLeave(name: string, channel: Channel): Promise<void> {
    const client = current;
    const isWanted = channel.listeners.size > 0;
    // Without a connection there is nothing to do: the next one subscribes to all channels.
    if (client?.isReady && isWanted !== (channel.joinedOn === client)) {
      if (isWanted) await client.subscribe(name, receive);
      else await client.unsubscribe(name);
      channel.joinedOn = isWanted ? client : undefined;
    }
    if (channel.listeners.size === 0 && channels.get(name) === channel) channels.delete(name);
  }

  return {
    connection,
    async subscribe(key, listener) {
      const name = redisKeyOf(prefix, key, 'live');
      const channel = channels.get(name) ?? { listeners: new Set(), joinedOn: undefined, settled: Promise.resolve() };
      channels.set(name, channel);
      // A function may subscribe twice; the wrapper makes each subscription an entry of its own.
      const entry: Listener = (message) => listener(message);
      channel.listeners.add(entry);
      if (channel.listeners.size === 1) settle(name, channel);
      await connection.use(SUBSCRIBE_MS, () => channel.settled).catch(() => {});
      return {
        close() {
          if (channel.listeners.delete(entry) && channel.listeners.size === 0) settle(name, channel);
        },
      };
    },
  };
}

function parse(line: string): LiveMessage[] {
  try {
    return [JSON.parse(line) as LiveMessage];
  } catch {
    return [];
  }
}
