import { activityInfo } from '@temporalio/activity';
import type { NextRun } from '../../store/serving/find-next-run.ts';
import { loadNextRun, type LoadedNextRun } from '../../store/serving/load-next-run.ts';
import { readServingMark } from '../../store/serving/read-serving-mark.ts';
import type { Serving } from '../run/serving.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import type { SessionWatch } from './session-watch.ts';

/** The run with which an activity begins to serve. */
export interface FirstRun {
  /** The open run that is next; null if none has work. */
  readonly next: NextRun | null;
  /** Whether the run that the activity was called for waits behind one that waits for an answer. */
  readonly isHeld: boolean;
}

/**
 * Loads the run to begin with. Returns `superseded` if another activity serves the session that the workflow has started since this
 * one: Temporal repeats an activity whose result was lost with its worker, and a worker that was frozen begins one late. An earlier
 * attempt of the same activity is superseded: Temporal has given it up.
 */
export async function takeFirst(
  deps: ActivityDeps,
  serving: Serving,
  watch: SessionWatch,
  runId: string,
): Promise<FirstRun | 'superseded'> {
  const found = await takeNext(deps, serving, watch);
  const held = found ? null : await readServingMark(deps.db, serving.key, runId);
  const mark = found?.known.session.row ?? held?.mark;
  if (mark && mark.served_by !== null && !(await isServer(deps))) return 'superseded';
  serving.follows = mark?.epoch ?? null;
  return { next: found?.next ?? null, isHeld: held?.isHeld ?? false };
}

/** Loads the open run that is next; null if none has work. */
export async function takeNext(
  { db, turns }: ActivityDeps,
  serving: Serving,
  watch: SessionWatch,
): Promise<LoadedNextRun | null> {
  const { key, contexts } = serving;
  const found = await turns.run(key.user, () => {
    watch.beginLook();
    return loadNextRun(db, key, contexts.known(key));
  });
  serving.known = found?.known ?? null;
  if (found?.isLast === false) watch.look();
  return found;
}

async function isServer(deps: ActivityDeps): Promise<boolean> {
  const { activityId, workflowExecution } = activityInfo();
  if (!workflowExecution) return true;
  const { workflowId, runId: executionId } = workflowExecution;
  return await deps.isServer({ workflowId, executionId, activityId });
}
