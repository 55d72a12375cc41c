import { randomBytes } from 'node:crypto';
import type { PerdureEvent } from '../contracts/events/event.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import { createInProcessLive } from '../live/in-process.ts';
import type { LiveChannel } from '../live/live-channel.ts';
import { openNotifyListener } from '../live/notify-listener.ts';
import { openNotifySender } from '../live/notify-sender.ts';
import { topicOf } from '../live/topic.ts';
import { withoutEvents } from '../live/without-events.ts';
import { watchPeers, type PeerWatch } from './peer-watch.ts';
import type { RedisConnection } from './redis-connection.ts';
import { redisKeyOf } from './redis-keys.ts';
import { createRedisSender } from './redis-sender.ts';
import { openRedisSubscriber } from './redis-subscriber.ts';
import { parseRecord } from './text-record.ts';
import { TextRecorder } from './text-recorder.ts';

/** How long a read or a removal may take. Whoever waits for a read goes on without it. */
const READ_MS = 50;
const REMOVE_MS = 500;
/** Sessions whose text is asked for as a whole at most once in this time, since Redis lacks its beginning. */
const RESEND_EVERY_MS = 1_000;

export interface RedisLiveOptions {
  /** For commands. */
  readonly connection: RedisConnection;
  readonly redisUrl: string;
  readonly prefix: string;
  /** The store, over which messages reach processes without Redis, and all while Redis is away. */
  readonly databaseUrl: string;
  /** How long Redis keeps the text of an attempt after its last delta, in ms. */
  readonly expiryMs: number;
  /** Called when messages begin, or cease, to go over Redis. */
  readonly onChange?: (isUsed: boolean) => void;
  readonly onTextRead?: (outcome: 'hit' | 'miss' | 'invalid' | 'failed') => void;
}

export interface RedisLive extends LiveChannel {
  /** To be called when the connection for commands opens or breaks. */
  readonly connectionChanged: () => void;
}

/**
 * A live channel between processes, over Redis. It listens to PostgreSQL's NOTIFY as well, and sends over it what cannot be sent over
 * Redis, and copies of everything while a process listens that does not receive messages over Redis.
 */
export function createRedisLive(options: RedisLiveOptions): RedisLive {
  const { connection, prefix, databaseUrl, expiryMs, onChange, onTextRead = () => {} } = options;
  const sender = randomBytes(6).toString('hex');
  const local = createInProcessLive();
  const recorder = new TextRecorder(LIMITS.redisTextBytes.value);
  const gapListeners = new Set<() => void>();
  /** When the text of a session was last asked for, in ms. */
  const asked = new Map<string, number>();
  let wasUsed = false;

  const subscriber = openRedisSubscriber({ url: options.redisUrl, prefix, sender, onChange: changed });
  const isUsed = (): boolean => connection.isOpen && subscriber.connection.isOpen;
  const notifySender = openNotifySender({ databaseUrl, sender });
  const notifyListener = openNotifyListener({
    databaseUrl,
    sender,
    ignoresCopies: isUsed,
    onOpened: () => peers?.opened(),
  });
  const peers: PeerWatch | undefined = watchPeers(notifyListener.query);
  const redisSender = createRedisSender({
    connection,
    prefix,
    sender,
    recorder,
    expiryMs,
    onFailed: (key, message) => notifySender.send(topicOf(key), withoutEvents(message)),
    onIncomplete: askForText,
  });

  function changed(): void {
    const used = isUsed();
    if (used === wasUsed) return;
    wasUsed = used;
    // Redis may have been emptied meanwhile.
    recorder.forgetAll();
    peers?.show(used);
    onChange?.(used);
    for (const listener of gapListeners) listener();
  }

  /** Asks the producer in this process for the whole text. It is published, and so recorded. */
  function askForText(key: SessionKey): void {
    const topic = topicOf(key);
    const now = performance.now();
    if (now - (asked.get(topic) ?? Number.NEGATIVE_INFINITY) < RESEND_EVERY_MS) return;
    if (asked.size > 1_000) asked.clear();
    asked.set(topic, now);
    // Deferred: the caller is in the middle of a batch.
    queueMicrotask(() => local.publish(key, { kind: 'resend-text' }));
  }

  async function remove(key: SessionKey): Promise<boolean> {
    const names = (['text', 'context'] as const).map((part) => redisKeyOf(prefix, key, part));
    recorder.forget(topicOf(key));
    return await connection
      .use(REMOVE_MS, (client) => client.del(names))
      .then(
        () => true,
        () => false,
      );
  }

  return {
    connectionChanged: changed,
    publish(key, message) {
      local.publish(key, message);
      const isOver = isUsed();
      if (isOver) redisSender.send(key, message);
      if (!isOver || peers.needsNotify) notifySender.send(topicOf(key), withoutEvents(message), isOver);
      if (message.kind === 'appended' && message.events?.some(endsSession)) void remove(key);
    },
    async subscribe(key, listener) {
      const near = await local.subscribe(key, listener);
      const [overRedis, overNotify] = await Promise.all([
        subscriber.subscribe(key, listener),
        notifyListener.subscribe(topicOf(key), listener),
      ]);
      return {
        close() {
          near.close();
          overRedis.close();
          overNotify.close();
        },
      };
    },
    async readText(key) {
      if (!connection.isOpen) return null;
      try {
        const record = await connection.use(READ_MS, (client) => client.get(redisKeyOf(prefix, key, 'text')));
        const text = record === null ? null : parseRecord(record);
        onTextRead(text ? 'hit' : record === null ? 'miss' : 'invalid');
        return text;
      } catch {
        onTextRead('failed');
        return null;
      }
    },
    onGap(listener) {
      gapListeners.add(listener);
      return () => void gapListeners.delete(listener);
    },
    forget: remove,
    async ready() {
      if (isUsed()) return true;
      const [sends, listens] = await Promise.all([notifySender.ready(), notifyListener.ready()]);
      return sends && listens;
    },
    async close() {
      await redisSender.flushed();
      peers.close();
      await Promise.all([local.close(), notifySender.close(), notifyListener.close(), subscriber.connection.close()]);
    },
  };
}

function endsSession({ type }: PerdureEvent): boolean {
  switch (type) {
    case 'session.ended':
    case 'session.expired':
    case 'session.failed':
    case 'session.archived':
      return true;
    default:
      return false;
  }
}
