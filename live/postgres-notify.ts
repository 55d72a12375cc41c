import { randomBytes } from 'node:crypto';
import { createInProcessLive } from './in-process.ts';
import type { LiveChannel } from './live-channel.ts';
import { openNotifyListener } from './notify-listener.ts';
import { openNotifySender } from './notify-sender.ts';
import { topicOf } from './topic.ts';
import { withoutEvents } from './without-events.ts';

export interface PostgresLiveOptions {
  /** `postgres://…`. Two connections are opened. Does not work through a pooler in transaction mode, which does not support LISTEN. */
  readonly databaseUrl: string;
}

/**
 * A live channel between processes, over PostgreSQL's LISTEN and NOTIFY. Listeners in the publishing process receive
 * messages directly, by reference; those in other processes through the database, where `appended` has no events.
 * Broken connections are reopened with exponential backoff; meanwhile, messages reach this process only.
 */
export function createPostgresLive(options: PostgresLiveOptions): LiveChannel {
  const sender = randomBytes(6).toString('hex');
  const local = createInProcessLive();
  const outgoing = openNotifySender({ ...options, sender });
  const incoming = openNotifyListener({ ...options, sender });

  return {
    publish(key, message) {
      local.publish(key, message);
      outgoing.send(topicOf(key), withoutEvents(message));
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
