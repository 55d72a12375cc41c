import { randomBytes } from 'node:crypto';
import { createInProcessLive } from './in-process.ts';
import type { LiveChannel } from './live-channel.ts';
import { openNotifyListener } from './notify-listener.ts';
import { openNotifySender } from './notify-sender.ts';
import { topicOf } from './topic.ts';

export interface PostgresLiveOptions {
  /** `postgres://…`; two connections are opened to it. A pooler in transaction mode cannot carry NOTIFY. */
  readonly databaseUrl: string;
}

/**
 * The live channel between processes, by PostgreSQL's LISTEN and NOTIFY. Listeners in the publishing
 * process are reached directly, by reference; all others through the database, where `appended` travels
 * without its events. Connections are opened at once and again, with growing pauses, when they break; what
 * is published in between reaches this process only.
 */
export function createPostgresLive(options: PostgresLiveOptions): LiveChannel {
  const sender = randomBytes(6).toString('hex');
  const local = createInProcessLive();
  const outgoing = openNotifySender({ ...options, sender });
  const incoming = openNotifyListener({ ...options, sender });

  return {
    publish(key, message) {
      local.publish(key, message);
      const carried = message.kind === 'appended' ? { kind: message.kind, head: message.head } : message;
      outgoing.send(topicOf(key), carried);
    },
    async subscribe(key, listener) {
      const near = await local.subscribe(key, listener);
      const far = await incoming.subscribe(topicOf(key), listener);
      return {
        close() {
          near.close();
          far.close();
        },
      };
    },
    async ready() {
      const [sends, listens] = await Promise.all([outgoing.ready(), incoming.ready()]);
      return sends && listens;
    },
    async close() {
      await Promise.all([local.close(), outgoing.close(), incoming.close()]);
    },
  };
}
