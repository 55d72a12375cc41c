import type { Pause } from '../../contracts/admin/pause.ts';

/** What is paused, such as `the agent "support"`. */
export function pausedWhat({ kind, name }: Pick<Pause, 'kind' | 'name'>): string {
  return kind === 'all' ? 'everything' : `the ${kind} ${JSON.stringify(name)}`;
}

/** States what is paused, since when and why. */
export function describePause(pause: Pause): string {
  const what = pausedWhat(pause);
  const reason = pause.reason === null ? '' : `: ${pause.reason}`;
  return `An operator has paused ${what} since ${pause.since}${reason}${/[.!?]$/.test(reason) ? '' : '.'}`;
}
