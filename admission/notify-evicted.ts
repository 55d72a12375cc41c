import { publishAppended } from '../live/publish-appended.ts';
import type { EvictedSession } from '../store/sessions/ensure-capacity.ts';
import type { AdmissionDeps } from './admission-deps.ts';

/** Notifies the readers and the workflows of sessions that expired to make room. Does not wait for the workflows. */
export function notifyEvicted(
  deps: Pick<AdmissionDeps, 'live' | 'commits' | 'requestExpiryCheck'>,
  evicted: readonly EvictedSession[],
): void {
  for (const { key, events } of evicted) {
    publishAppended(deps, key, events);
    void deps.requestExpiryCheck(key);
  }
}
