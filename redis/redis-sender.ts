import type { SessionKey } from '../contracts/session/session-key.ts';
import type { LiveMessage } from '../live/live-channel.ts';
import { SendQueue, type Queued } from '../live/send-queue.ts';
import { topicOf } from '../live/topic.ts';
import { withoutEvents } from '../live/without-events.ts';
import type { RedisClient, RedisConnection } from './redis-connection.ts';
import { redisKeyOf } from './redis-keys.ts';
import type { RecordChange, TextRecorder } from './text-recorder.ts';

/** The longest message, in characters of JSON. Readers find the content of longer ones in the store. */
const MAX_MESSAGE_LENGTH = 16 * 1024 * 1024;
/** How long Redis may take for a batch. */
const BATCH_MS = 500;

interface Published extends Queued {
  readonly key: SessionKey;
}

export interface RedisSender {
  /** Never throws and never blocks. */
  send(key: SessionKey, message: LiveMessage): void;
  /** Resolves when what was sent before has reached Redis, or could not. */
  flushed(): Promise<void>;
}

export interface RedisSenderOptions {
  readonly connection: RedisConnection;
  readonly prefix: string;
  /** Of this process: it ignores what it has sent. */
  readonly sender: string;
  readonly recorder: TextRecorder;
  /** How long Redis keeps the record of a text after the last change, in ms. */
  readonly expiryMs: number;
  /** Called with the messages of a batch that has not reached Redis, or may not have. */
  readonly onFailed: (key: SessionKey, message: LiveMessage) => void;
  /** Called for a session whose text must be published as a whole, since Redis lacks its beginning. */
  readonly onIncomplete: (key: SessionKey) => void;
}

/** Publishes messages in batches, and keeps the records of texts. Each batch is one round trip, whatever it contains. */
export function createRedisSender(options: RedisSenderOptions): RedisSender {
  const { connection, prefix, recorder, expiryMs, onFailed, onIncomplete } = options;
  const queue = new SendQueue<Published>({
    // Notifications stay apart: they carry the events that end a text.
    mayMerge: (_earlier, { message }) => message.kind === 'live',
    async sendBatch(batch) {
      try {
        await connection.use(BATCH_MS, (client) => sendBatch(client, batch));
      } catch {
        for (const { key, topic, message } of batch) {
          recorder.forget(topic);
          onFailed(key, message);
        }
      }
    },
  });

  /** Commands that are issued synchronously share a write. */
  async function sendBatch(client: RedisClient, batch: readonly Published[]): Promise<void> {
    const publishing: Promise<unknown>[] = [];
    for (const messages of Map.groupBy(batch, ({ topic }) => topic).values()) {
      const [first] = messages;
      if (!first) continue;
      // The record first: a reader that subscribes and then reads it misses nothing.
      record(client, first, messages);
      const payload = payloadOf(options.sender, messages);
      if (payload !== null) publishing.push(client.publish(redisKeyOf(prefix, first.key, 'live'), payload));
    }
    await Promise.all(publishing);
  }

  /** Changes the record of a session's text. Where that fails, readers get the text from its producer. */
  function record(client: RedisClient, { key, topic }: Published, messages: readonly Published[]): void {
    const changes = messages.flatMap(({ message }) => recorder.apply(topic, message) ?? []);
    if (changes.includes('incomplete')) onIncomplete(key);
    const known = changes.filter((change) => change !== 'incomplete');
    const last = known.at(-1);
    if (!last) return;
    const name = redisKeyOf(prefix, key, 'text');
    const failed = (): void => recorder.forget(topic);
    for (const change of known) applyTo(client, name, change).then((applied) => applied || failed(), failed);
    if (last.kind !== 'delete') client.pExpire(name, expiryMs).catch(failed);
  }

  return {
    send: (key, message) => queue.push({ key, topic: topicOf(key), message }),
    flushed: () => queue.flushed(),
  };
}

/** Whether the record is as expected afterwards: not if it was evicted, or changed by another process. */
async function applyTo(client: RedisClient, name: string, change: RecordChange): Promise<boolean> {
  switch (change.kind) {
    case 'delete':
      await client.del(name);
      return true;
    case 'set':
      await client.set(name, change.content);
      return true;
    case 'append':
      return (await client.append(name, change.content)) === change.bytes;
  }
}

/** The messages of a session as one payload: the sender, then a line of JSON for each. Null without any. */
function payloadOf(sender: string, messages: readonly Published[]): string | null {
  const lines = messages
    .map(({ message }) => JSON.stringify(withoutEvents(message)))
    .filter(({ length }) => length <= MAX_MESSAGE_LENGTH);
  return lines.length === 0 ? null : [sender, ...lines].join('\n');
}
