import { pauseKindSchema } from '../contracts/admin/pause.ts';
import { countInbox } from '../store/admin/reports/count-inbox.ts';
import { countOpen } from '../store/admin/reports/count-open.ts';
import { waitForAll } from '../core/load/estimate-wait.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { countWorkers } from './answers/count-workers.ts';
import type { GatewayDeps } from './answers/gateway-deps.ts';
import type { LoadMonitor } from './answers/load-monitor.ts';
import { providerStatuses } from './answers/provider-status.ts';

/** Minimum interval between queries, for any number of scrapers. */
const MIN_INTERVAL_MS = 5_000;

/** Returns the function that sets the gauges before a scrape: this gateway's streams and estimated wait, and sessions, runs, workers and providers in the store. */
export function readGauges(
  { db, deployment, feed, sender, pauses }: Pick<GatewayDeps, 'db' | 'deployment' | 'feed' | 'sender' | 'pauses'>,
  load: Pick<LoadMonitor, 'estimate'>,
  metrics: Metrics,
): () => Promise<void> {
  let queriedAt = -Infinity;
  return async () => {
    metrics.openStreams.set({}, feed.readers);
    metrics.followedSessions.set({}, feed.sessions);
    for (const kind of pauseKindSchema.options) {
      metrics.pauses.set({ kind }, pauses.current.filter((pause) => pause.kind === kind).length);
    }
    const estimate = load.estimate();
    metrics.estimatedWaitSeconds.set({}, estimate === null ? 0 : waitForAll(estimate) / 1_000);
    if (performance.now() - queriedAt < MIN_INTERVAL_MS) return;
    queriedAt = performance.now();
    const { activeSessions, queuedRuns, runningRuns, waitingRuns, oldestQueuedSeconds } = await countOpen(db);
    metrics.activeSessions.set({}, activeSessions);
    metrics.openRuns.set({ status: 'queued' }, queuedRuns);
    metrics.openRuns.set({ status: 'running' }, runningRuns);
    metrics.openRuns.set({ status: 'waiting' }, waitingRuns);
    metrics.oldestQueuedSeconds.set({}, oldestQueuedSeconds);
    for (const { kind, pending, oldestSeconds } of await countInbox(db)) {
      metrics.inboxPending.set({ kind }, pending);
      metrics.inboxOldestSeconds.set({ kind }, oldestSeconds);
    }
    const { polling } = await countWorkers({ db, sender });
    if (polling !== null) metrics.workers.set({}, polling);
    for (const { provider, circuit, inFlight, waiting } of await providerStatuses(db, deployment)) {
      metrics.providerCircuit.set({ provider }, ['closed', 'half_open', 'open'].indexOf(circuit.state));
      metrics.providerInFlight.set({ provider }, inFlight);
      metrics.providerWaiting.set({ provider }, waiting);
    }
  };
}
