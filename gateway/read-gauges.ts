import type { Deployment } from '../contracts/deployment.ts';
import { countOpen } from '../store/admin/reports/count-open.ts';
import type { Db } from '../store/db/db.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Feed } from './feed/feed.ts';
import { providerStatuses } from './answers/provider-status.ts';

/** The store is not asked more often than this, however many scrape. */
const KEPT_MS = 5_000;

/** Looks up, before a scrape, what is no count of events: streams here, and what is open in the store. */
export function readGauges(db: Db, deployment: Deployment, feed: Feed, metrics: Metrics): () => Promise<void> {
  let askedAt = -Infinity;
  return async () => {
    metrics.openStreams.set({}, feed.readers);
    metrics.followedSessions.set({}, feed.sessions);
    if (performance.now() - askedAt < KEPT_MS) return;
    askedAt = performance.now();
    const { activeSessions, queuedRuns, runningRuns } = await countOpen(db);
    metrics.activeSessions.set({}, activeSessions);
    metrics.openRuns.set({ status: 'queued' }, queuedRuns);
    metrics.openRuns.set({ status: 'running' }, runningRuns);
    for (const { provider, circuit, inFlight, waiting } of await providerStatuses(db, deployment)) {
      metrics.providerCircuit.set({ provider }, ['closed', 'half_open', 'open'].indexOf(circuit.state));
      metrics.providerInFlight.set({ provider }, inFlight);
      metrics.providerWaiting.set({ provider }, waiting);
    }
  };
}
