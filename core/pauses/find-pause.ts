import type { Pause } from '../../contracts/admin/pause.ts';

/** A run, as far as pauses are concerned. */
export interface RunToPause {
  readonly user: string;
  readonly agent: string;
  /** Whether the run has started before. */
  readonly hasBegun: boolean;
}

/** The pause for which a run waits before it starts, or before its next model call; null if it goes on. */
export function pauseOfRun(pauses: readonly Pause[], { user, agent, hasBegun }: RunToPause): Pause | null {
  return pauses.find((pause) => (!hasBegun || pause.stop) && covers(pause, user, agent)) ?? null;
}

/** The pause for which a message to an agent is refused; null if it is accepted. */
export function refusingPause(pauses: readonly Pause[], user: string, agent: string): Pause | null {
  return pauses.find((pause) => pause.refuse && covers(pause, user, agent)) ?? null;
}

/** The pause of a provider or a tool; null if there is none. */
export function pauseOf(pauses: readonly Pause[], kind: 'provider' | 'tool', name: string): Pause | null {
  return pauses.find((pause) => pause.kind === kind && pause.name === name) ?? null;
}

/** Whether a pause covers the runs of a user with an agent. */
function covers({ kind, name }: Pause, user: string, agent: string): boolean {
  return kind === 'all' || (kind === 'agent' && name === agent) || (kind === 'user' && name === user);
}
