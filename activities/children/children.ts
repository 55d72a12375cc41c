import type { AdmissionDeps } from '../../admission/admission-deps.ts';
import { startChildren as admitChildren } from '../../admission/start-children.ts';
import { publishStop, stopDescendants } from '../../admission/stop-descendants.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { StopReason } from '../../contracts/session/run.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { handOverChild, type WokenRun } from '../../store/children/hand-over-child.ts';
import { stopRun, type StoppedRun } from '../../store/runs/stop/stop-run.ts';
import { readLink, type ChildLink } from '../../store/children/read-children.ts';
import type { ActivityDeps } from '../shared/deps.ts';

export type ChildDeps = Omit<AdmissionDeps, 'defaultModel' | 'live'> &
  Pick<ActivityDeps, 'live' | 'runs'> & { readonly models: Pick<ActivityDeps['models'], 'defaultModel'> };

/** Starts the children of a run that have not been started. */
export async function startChildren(deps: ChildDeps, parent: SessionKey, runId: string): Promise<void> {
  const { defaultModel } = deps.models;
  const { started, woken } = await admitChildren({ ...deps, defaultModel }, parent, runId);
  await Promise.all(
    started.map(({ key }) =>
      deps.runs.startChild({ childId: key.session, parent: { key: parent, runId, callId: '' } }).catch(() => {}),
    ),
  );
  if (woken) await wake(deps, woken);
}

/** Hands the end of a run over to its parent, if it is a child that has ended, and starts those that have waited for it. */
export async function handOver(deps: ChildDeps, child: SessionKey): Promise<void> {
  const link = await readLink(deps.db, child);
  if (link) await handOverLink(deps, link);
}

/** As {@link handOver}. */
export async function handOverLink(deps: ChildDeps, link: ChildLink): Promise<void> {
  const handed = await handOverChild(deps.db, link);
  if (!handed) return;
  const { key, runId } = link.parent;
  publishAppended(deps, key, handed.events);
  if (handed.woken) await wake(deps, handed.woken);
  await startChildren(deps, key, runId);
}

/**
 * Stops the open runs below a run, or below all runs of a session: at once, at whichever worker executes them, and by their
 * workflows.
 */
export async function stopChildren(
  deps: ChildDeps,
  key: SessionKey,
  runId: string | null,
  reason: StopReason,
): Promise<void> {
  const stopped = await stopDescendants(deps, key, runId, reason);
  await Promise.all(stopped.map((child) => afterStop(deps, child)));
}

/** Stops the run of a child and those below it. */
export async function stopChild(deps: ChildDeps, child: SessionKey, reason: StopReason): Promise<void> {
  const stopped = await stopRun(deps.db, child, child.session, reason);
  publishStop(deps, stopped, reason);
  publishAppended(deps, child, stopped.events);
  await stopChildren(deps, child, null, reason);
  await afterStop(deps, stopped);
}

/** Cancels the run in its workflow, and hands over the end of one that no activity was executing. */
async function afterStop(deps: ChildDeps, { key, events }: StoppedRun): Promise<void> {
  await deps.runs.cancelRun(key).catch(() => {});
  if (events.length > 0) await handOver(deps, key).catch(() => {});
}

async function wake({ live, runs }: Pick<ChildDeps, 'live' | 'runs'>, woken: WokenRun): Promise<void> {
  if (woken.served) live.publish(woken.key, { kind: 'serving', serving: 'look' });
  else await runs.wake(woken).catch(() => {});
}
