import type { SessionKey } from '../contracts/session/session-key.ts';
import type { LiveChannel, LiveMessage } from './live-channel.ts';
import { topicOf } from './topic.ts';

type Listener = (message: LiveMessage) => void;

/**
 * A live channel within one process. Messages are delivered synchronously, in order and by reference, so `appended`
 * carries its events. Publishing to a session without listeners costs one map look-up.
 */
export function createInProcessLive(): LiveChannel {
  const listenersByTopic = new Map<string, Set<Listener>>();

  return {
    publish(key, message) {
      const listeners = listenersByTopic.get(topicOf(key));
      if (listeners !== undefined) deliver(listeners, message);
    },
    async subscribe(key: SessionKey, listener: Listener) {
      const topic = topicOf(key);
      const listeners = listenersByTopic.get(topic) ?? new Set();
      listenersByTopic.set(topic, listeners);
      // A function may subscribe twice; the wrapper makes each subscription an entry of its own.
      const entry: Listener = (message) => listener(message);
      listeners.add(entry);
      return {
        close() {
          listeners.delete(entry);
          if (listeners.size === 0 && listenersByTopic.get(topic) === listeners) listenersByTopic.delete(topic);
        },
      };
    },
    ready: async () => true,
    async close() {
      listenersByTopic.clear();
    },
  };
}

function deliver(listeners: Iterable<Listener>, message: LiveMessage): void {
  for (const listener of listeners) {
    try {
      listener(message);
    } catch {
      // Listeners must not throw. One that does must not affect the publisher or the other listeners.
    }
  }
}
