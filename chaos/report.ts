import { KINDS } from './check-sessions.ts';
import type { Outcome } from './experiment.ts';

const EXAMPLES = 5;

/** Whether nothing was found. */
export function isGood({ found, faults }: Outcome): boolean {
  return faults.length === 0 && KINDS.every((kind) => found[kind].length === 0);
}

/** The outcome as lines for a terminal. */
export function linesOf(outcome: Outcome): string[] {
  const { figures, found, faults, logs } = outcome;
  return [
    ...Object.entries(figures).map(([name, value]) => `  ${name}: ${value}`),
    '',
    ...KINDS.map((kind) => `  ${kind}: ${found[kind].length}${exampleOf(found[kind])}`),
    ...faults.slice(0, EXAMPLES).map((fault) => `  ${fault}`),
    ...(faults.length > EXAMPLES ? [`  and ${faults.length - EXAMPLES} more`] : []),
    ...(logs === undefined ? [] : ['', `  The logs of the processes are in ${logs}.`]),
  ];
}

function exampleOf(ones: readonly string[]): string {
  return ones.length === 0 ? '' : ` (${ones.slice(0, EXAMPLES).join('; ')})`;
}
