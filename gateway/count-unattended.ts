import type { Metrics } from '../telemetry/metrics.ts';

/** The presence of workers is read at most this often. */
const READ_EVERY_MS = 1_000;

/** Returns a function that counts a message if no worker takes work. It returns at once and never throws. */
export function countUnattended(metrics: Pick<Metrics, 'accepted'>, hasWorkers: () => Promise<boolean>): () => void {
  let read: { readonly atMs: number; readonly found: Promise<boolean> } | null = null;
  return () => {
    const nowMs = Date.now();
    // A failed read counts as a present worker: the alert on this metric is about workers, not about the store.
    if (read === null || nowMs - read.atMs > READ_EVERY_MS)
      read = { atMs: nowMs, found: hasWorkers().catch(() => true) };
    void read.found.then((isAttended) => isAttended || metrics.accepted.add({}));
  };
}
