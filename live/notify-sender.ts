import { coalesce } from './coalesce.ts';
import { openLastingConnection } from './lasting-connection.ts';
import type { LiveMessage } from './live-channel.ts';
import { channelOf } from './notify-channel.ts';
import { PayloadWriter, type Addressed } from './payload.ts';

/** Messages that wait for the connection; beyond it, new ones are dropped, except commands. */
const MAX_WAITING = 10_000;

export interface NotifySender {
  /** Never throws and never waits. */
  send(topic: string, message: LiveMessage): void;
  ready(): Promise<boolean>;
  close(): Promise<void>;
}

/** What waits for one topic: the newest entry, to which the next message may be joined. */
type Waiting = { topic: string; message: LiveMessage };

/**
 * One connection that sends in batches: while a batch is on its way the next one gathers, so a burst
 * costs few transactions, and a sender that is behind joins deltas instead of falling further behind.
 */
export function openNotifySender(options: { databaseUrl: string; sender: string }): NotifySender {
  const writer = new PayloadWriter(options.sender);
  let waiting: Waiting[] = [];
  let newestByTopic = new Map<string, Waiting>();
  let sending: Promise<void> | undefined;

  const connection = openLastingConnection(options.databaseUrl, 'perdure live sender', async (_client, query) => {
    // A NOTIFY's commit is written to the log; nothing of it is worth waiting for the disk.
    await query('SET synchronous_commit = off');
    pump();
  });

  function pump(): void {
    if (sending !== undefined || waiting.length === 0 || !connection.isOpen) return;
    const batch = waiting;
    waiting = [];
    newestByTopic = new Map();
    const { channels, payloads } = pack(writer, batch);
    sending = connection
      .query('SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS batch(channel, payload)', [
        channels,
        payloads,
      ])
      // A batch that fails is lost, as the seam allows.
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
      const joined = newest === undefined ? undefined : coalesce(newest.message, message);
      if (newest !== undefined && joined !== undefined) {
        newest.message = joined;
        return;
      }
      if (waiting.length >= MAX_WAITING && message.kind !== 'control') return;
      const entry = { topic, message };
      waiting.push(entry);
      newestByTopic.set(topic, entry);
      // What is published in one go travels in one batch.
      if (waiting.length === 1) queueMicrotask(pump);
    },
    ready: () => connection.answers(),
    async close() {
      while (connection.isOpen && (sending !== undefined || waiting.length > 0)) {
        pump();
        await sending;
      }
      await connection.close();
    },
  };
}

/** Payloads channel by channel; within a channel in the order of sending. */
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
