import type { SessionKey } from '../contracts/session/session-key.ts';
import type { LiveChannel, LiveMessage } from './live-channel.ts';
import { topicOf } from './topic.ts';

type Listener = (message: LiveMessage) => void;

/**
 * The live channel within one process. Messages go by reference, at once and in order, so `appended`
 * carries its events. Publishing to a session that nobody listens to costs one map look-up.
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
      // One function may subscribe twice: each subscription is its own entry.
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
      // A listener must not throw; one that does must not stop the producer or the other readers.
    }
  }
}
