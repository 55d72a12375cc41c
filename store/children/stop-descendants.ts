import type { StopReason } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';
import { stopRun, type StoppedRun } from '../runs/stop/stop-run.ts';
import { markTree, type MarkedRun } from './mark-tree.ts';

export interface TreeListener {
  /** Called with all runs below once none of them begins a further step. */
  readonly onMarked: (marked: readonly MarkedRun[]) => void;
  /** Called with a run that no activity was executing once it is cancelled. */
  readonly onStopped: (stopped: StoppedRun) => void;
}

/**
 * Stops the open runs below a run, or, with `runId` null, below those of a session, in two parts. First, one transaction records the
 * stop of all of them: from then on none begins a model call, also not with the end of one of its own children. Then those that no
 * activity is executing are cancelled, parents before their children. Returns them all.
 */
export async function stopDescendants(
  db: Db,
  key: SessionKey,
  { runId, reason }: { readonly runId: string | null; readonly reason: StopReason },
  { onMarked, onStopped }: TreeListener,
): Promise<readonly StoppedRun[]> {
  const { below } = await markTree(db, key, { runId, reason });
  if (below.length === 0) return [];
  onMarked(below);
  const all: StoppedRun[] = [];
  for (const level of Map.groupBy(below, (run) => run.level).values()) {
    const stopped = await Promise.all(level.map((child) => stopRun(db, child.key, child.runId, reason)));
    stopped.forEach(onStopped);
    all.push(...stopped);
  }
  return all;
}
