import type { StopReason } from '../contracts/session/run.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import { publishAppended } from '../live/publish-appended.ts';
import { stopDescendants as stopInStore } from '../store/children/stop-descendants.ts';
import type { StoppedRun } from '../store/runs/stop/stop-run.ts';
import type { AdmissionDeps } from './admission-deps.ts';

type StopDeps = Pick<AdmissionDeps, 'db' | 'live' | 'commits'>;

/** Stops the open runs below a run, or, with `runId` null, below those of a session, also at the workers that execute them. Returns them. */
export async function stopDescendants(
  deps: StopDeps,
  key: SessionKey,
  runId: string | null,
  reason: StopReason,
): Promise<readonly StoppedRun[]> {
  return await stopInStore(
    deps.db,
    key,
    { runId, reason },
    {
      onMarked: (marked) => marked.forEach((run) => publishStop(deps, run, reason)),
      onStopped: ({ key: child, events }) => publishAppended(deps, child, events),
    },
  );
}

/** Publishes the stop of a run to the worker that executes it. */
export function publishStop(
  { live }: Pick<StopDeps, 'live'>,
  { key, runId }: Pick<StoppedRun, 'key' | 'runId'>,
  reason: StopReason,
): void {
  live.publish(key, { kind: 'control', runId, command: 'cancel', reason });
}
