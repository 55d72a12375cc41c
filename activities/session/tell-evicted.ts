import { ring } from '../../live/ring.ts';
import type { EvictedSession } from '../../store/sessions/ensure-capacity.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** Tells the readers and the workflows of sessions that have expired to make room. Nobody waits for that. */
export function tellEvicted({ live, lookAtLife }: ActivityDeps, evicted: readonly EvictedSession[]): void {
  for (const { key, events } of evicted) {
    ring(live, key, events);
    void lookAtLife(key);
  }
}
