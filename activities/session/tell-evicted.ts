import { publishAppended } from '../../live/publish-appended.ts';
import type { EvictedSession } from '../../store/sessions/make-room.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** Tells the readers and the workflows of sessions that have expired to make room. Nobody waits for that. */
export function tellEvicted(deps: ActivityDeps, evicted: readonly EvictedSession[]): void {
  for (const { key, events } of evicted) {
    publishAppended(deps, key, events);
    void deps.lookAtLife(key);
  }
}
