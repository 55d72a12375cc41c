import { LIMITS } from '../../contracts/limits.ts';
import type { Pause } from '../../contracts/admin/pause.ts';

/**
 * The delay after which a waiting run looks for its pause again: a tenth of the pause's age, within the limits, less up to
 * half at random. Thousands of waiting runs thus cost little during a long pause, and do not all begin in one moment after it.
 */
export function pauseDelayMs({ since }: Pick<Pause, 'since'>, nowMs: number, random: number): number {
  const { minPauseCheckMs, maxPauseCheckMs } = LIMITS;
  const tenth = (nowMs - Date.parse(since)) / 10;
  const delayMs = Math.min(maxPauseCheckMs.value, Math.max(minPauseCheckMs.value, tenth));
  return Math.round(delayMs * (1 - random / 2));
}
