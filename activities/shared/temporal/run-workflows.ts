import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { ChildLink } from '../../../store/children/read-children.ts';
import type { WokenRun } from '../../../store/children/hand-over-child.ts';

/** Reaches the workflows of runs and sessions, for children and their parents. Where a call fails, upkeep repeats it. */
export interface RunWorkflows {
  /** Starts the workflow of a child's run, if it is not running. */
  startChild(child: Pick<ChildLink, 'childId' | 'parent'>): Promise<void>;
  /** Makes the workflow of a session or run execute a run that has work again. */
  wake(woken: WokenRun): Promise<void>;
  /** Cancels a run without a session. Does nothing if its workflow is not running. */
  cancelRun(key: SessionKey): Promise<void>;
}
