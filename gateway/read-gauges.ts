import type { Deployment } from '../contracts/deployment.ts';
import { countOpen } from '../store/admin/reports/count-open.ts';
import type { Db } from '../store/db/db.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Feed } from './feed/feed.ts';
import { providerStatuses } from './answers/provider-status.ts';

/** Minimum interval between queries, for any number of scrapers. */
const MIN_INTERVAL_MS = 5_000;

/** Returns the function that sets the gauges before a scrape: this gateway's streams, and sessions, runs and providers in the store. */
export function readGauges(db: Db, deployment: Deployment, feed: Feed, metrics: Metrics): () => Promise<void> {
  let queriedAt = -Infinity;
  return async () => {
    metrics.openStreams.set({}, feed.readers);
    metrics.followedSessions.set({}, feed.sessions);
    if (performance.now() - queriedAt < MIN_INTERVAL_MS) return;
    queriedAt = performance.now();
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
