import { openLastingConnection } from './lasting-connection.ts';
import type { LiveMessage } from './live-channel.ts';
import { channelOf } from './notify-channel.ts';
import { PayloadWriter, type Addressed } from './payload.ts';
import { SendQueue, type Queued } from './send-queue.ts';

export interface NotifySender {
  /** Never throws and never blocks. `isCopy`: the message is also sent over Redis. */
  send(topic: string, message: LiveMessage, isCopy?: boolean): void;
  ready(): Promise<boolean>;
  close(): Promise<void>;
}

interface Notification extends Queued {
  readonly isCopy: true | undefined;
}

/** Opens one connection that sends in batches, so that a burst takes few transactions. */
export function openNotifySender(options: { databaseUrl: string; sender: string }): NotifySender {
  const writer = new PayloadWriter(options.sender);
  const connection = openLastingConnection(options.databaseUrl, 'perdure live sender', async (_client, query) => {
    // Notifications need no durability, so their commits do not wait for the write-ahead log.
    await query('SET synchronous_commit = off');
    queue.pump();
  });
  const queue = new SendQueue<Notification>({
    canSend: () => connection.isOpen,
    mayMerge: (earlier, later) => earlier.isCopy === later.isCopy,
    async sendBatch(batch) {
      const { channels, payloads } = pack(writer, batch);
      const statement =
        'SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS batch(channel, payload)';
      // A failed batch is lost, which the contract of `LiveChannel` allows.
      await connection.query(statement, [channels, payloads]).catch(() => {});
    },
  });
  return {
    send: (topic, message, isCopy = false) => queue.push({ topic, message, isCopy: isCopy || undefined }),
    ready: () => connection.ping(),
    async close() {
      await queue.flushed();
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
