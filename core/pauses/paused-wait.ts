import type { Pause } from '../../contracts/admin/pause.ts';
import type { WaitingFor } from '../../contracts/session/session.ts';
import { pausedWhat } from './describe-pause.ts';
import { pauseOf, pauseOfRun, type RunToPause } from './find-pause.ts';
import { providerOf } from '../providers/provider-of.ts';

/** An open run, as far as pauses are concerned. */
export interface OpenRunToPause extends RunToPause {
  /** `provider/model` of the next call; null before the run has started. */
  readonly model: string | null;
  /** Since when the run is where it is, ISO 8601 UTC. */
  readonly since: string;
}

/** What an open run waits for if a pause holds its next model call; null if none does. */
export function pausedWait(pauses: readonly Pause[], run: OpenRunToPause): WaitingFor | null {
  const { model } = run;
  const pause = pauseOfRun(pauses, run) ?? (model === null ? null : pauseOf(pauses, 'provider', providerOf(model)));
  return pause && waitForPause(pause, run.since);
}

/** What a tool call waits for if its tool is paused; null if it is not. */
export function pausedCall(pauses: readonly Pause[], tool: string, since: string): WaitingFor | null {
  const pause = pauseOf(pauses, 'tool', tool);
  return pause === null || pause.refuse ? null : waitForPause(pause, since);
}

function waitForPause(pause: Pause, since: string): WaitingFor {
  const reason = pause.reason === null ? '' : ` (${pause.reason})`;
  const who = `an operator, who has paused ${pausedWhat(pause)}${reason}`;
  return { what: 'paused', since: since > pause.since ? since : pause.since, who, until: null };
}
