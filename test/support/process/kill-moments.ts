import { setTimeout as sleep } from 'node:timers/promises';
import type { PerdureHome } from './perdure-process.ts';

/** When a process is killed: so long after a run has written so many lines. */
export interface KillMoment {
  readonly lines: number;
  readonly delayMs: number;
}

/**
 * The random moment of each round. Together they are spread over a run that writes `lines` lines (its model calls and the
 * effects of its tools), about `partMs` apart: after each line, and before the first one, in the first half of that time and
 * then in the second. Moments by the clock alone would all be at the beginning of a run on a slow machine.
 */
export function killMoment(random: () => number, round: number, lines: number, partMs: number): KillMoment {
  const half = Math.floor(round / (lines + 1)) % 2;
  return { lines: round % (lines + 1), delayMs: ((half + random()) / 2) * partMs };
}

/** Resolves at the moment of the run of the message with this mark. */
export async function untilMoment(home: PerdureHome, mark: string, { lines, delayMs }: KillMoment): Promise<void> {
  const written = () => [...home.calls(), ...home.effects()].filter((line) => line.mark === mark).length;
  while (written() < lines) await sleep(20);
  // Not a wait for anything: the moment is the random part of the test.
  await sleep(delayMs);
}
