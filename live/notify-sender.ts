import { coalesce } from './coalesce.ts';
import { openLastingConnection } from './lasting-connection.ts';
import type { LiveMessage } from './live-channel.ts';
import { channelOf } from './notify-channel.ts';
import { PayloadWriter, type Addressed } from './payload.ts';

/** The longest queue of messages. When it is full, new messages are dropped, except control messages. */
const MAX_QUEUED = 10_000;

export interface NotifySender {
  /** Never throws and never blocks. */
  send(topic: string, message: LiveMessage): void;
  ready(): Promise<boolean>;
  close(): Promise<void>;
}

type Queued = { topic: string; message: LiveMessage };

/**
 * Opens one connection that sends in batches. Messages that arrive while a batch is being sent form the next batch, so a
 * burst takes few transactions, and queued messages of a topic are coalesced.
 */
export function openNotifySender(options: { databaseUrl: string; sender: string }): NotifySender {
  const writer = new PayloadWriter(options.sender);
  let queue: Queued[] = [];
  /** The last queued message of each topic, with which the next one may be coalesced. */
  let newestByTopic = new Map<string, Queued>();
  let sending: Promise<void> | undefined;

  const connection = openLastingConnection(options.databaseUrl, 'perdure live sender', async (_client, query) => {
    // Notifications need no durability, so their commits do not wait for the write-ahead log.
    await query('SET synchronous_commit = off');
    pump();
  });

  function pump(): void {
    if (sending !== undefined || queue.length === 0 || !connection.isOpen) return;
    const batch = queue;
    queue = [];
    newestByTopic = new Map();
    const { channels, payloads } = pack(writer, batch);
    sending = connection
      .query('SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS batch(channel, payload)', [
        channels,
        payloads,
      ])
      // A failed batch is lost, which the contract of `LiveChannel` allows.
      .then(
        () => undefined,
        () => undefined,
      )
      .finally(() => {
        sending = undefined;
        pump();
      });
  }

  return {
    send(topic, message) {
      const newest = newestByTopic.get(topic);
      const merged = newest === undefined ? undefined : coalesce(newest.message, message);
      if (newest !== undefined && merged !== undefined) {
        newest.message = merged;
        return;
      }
      if (queue.length >= MAX_QUEUED && message.kind !== 'control') return;
      const entry = { topic, message };
      queue.push(entry);
      newestByTopic.set(topic, entry);
      // Deferred, so that messages published synchronously share a batch.
      if (queue.length === 1) queueMicrotask(pump);
    },
    ready: () => connection.ping(),
    async close() {
      while (connection.isOpen && (sending !== undefined || queue.length > 0)) {
        pump();
        await sending;
      }
      await connection.close();
    },
  };
}

/** The payloads of a batch, grouped by channel, in the order of sending within each. */
function pack(writer: PayloadWriter, batch: readonly Addressed[]): { channels: string[]; payloads: string[] } {
  const channels: string[] = [];
  const payloads: string[] = [];
  for (const [channel, messages] of Map.groupBy(batch, ({ topic }) => channelOf(topic))) {
    for (const payload of writer.write(messages)) {
      channels.push(channel);
      payloads.push(payload);
    }
  }
  return { channels, payloads };
}
