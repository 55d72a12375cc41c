import type { StepTry } from '../../core/providers/plan-models.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { isOpenCall } from '../../core/session/open-status.ts';
import type { StepRow, ToolCallRow } from '../log/rows.ts';
import type { LoadedPosition, LoadedRun } from '../runs/load-run.ts';

/** A run as this process has read or saved it, without its session's lock. It is current as long as the session is unchanged. */
export interface KnownRun {
  readonly session: LockedSession;
  readonly loaded: LoadedPosition;
}

/** A copy whose rows can be changed. */
export function copyOf(loaded: LoadedPosition): LoadedPosition {
  const { run, openCalls, modelCall } = loaded;
  return {
    ...loaded,
    run: { ...run },
    openCalls: openCalls.map((call) => ({ ...call })),
    modelCall: modelCall && { ...modelCall },
  };
}

/** A run after a step was committed with these events. The worker's context cache has them too. */
export function afterCommit(
  session: LockedSession,
  { run, step, modelCall, toolCalls, ownLimits, isAlone }: CommittedRows,
  events: readonly PerdureEvent[],
): KnownRun {
  const openCalls = toolCalls.filter(({ status }) => isOpenCall(status));
  const headAt = events.at(-1)?.at ?? null;
  const since = session.row.head;
  const conversation = { newEvents: [], since, cachedAt: headAt, headAt };
  return {
    session,
    loaded: { run, step, modelCall, openCalls, ownLimits, isAlone, ...conversation, tries: triesOf(run, modelCall) },
  };
}

/** What a run with fallback models has of the step that was committed: the next one begins with the model that answered. */
function triesOf({ fallback_models }: LoadedRun['run'], call: LoadedRun['modelCall']): readonly StepTry[] | null {
  if (fallback_models === null) return [];
  if (call === null) return null;
  const { step, attempt, model } = call;
  return [{ step, attempt, model, answered: true, gaveUp: false, errorCode: null }];
}

interface CommittedRows extends Pick<LoadedPosition, 'run' | 'modelCall' | 'ownLimits' | 'isAlone'> {
  readonly step: StepRow;
  readonly toolCalls: readonly ToolCallRow[];
}
