import { tokensOfUnits, type ContextUnit } from './context-units.ts';

/** Which units of a context a model call is given, so that they can be found again. */
export interface ContextChoice {
  /** The number of the newest units. */
  readonly newest: number;
  /** The number of pinned messages before those, the newest ones. */
  readonly pinned: number;
}

/** Returned when what must be in the context does not fit. */
export interface ContextTooLarge {
  readonly kind: 'tooLarge';
  /** The tokens of the messages of the run that asks, and of its newest reply with the results of its tool calls. */
  readonly tokens: number;
}

/**
 * Chooses what fits into `capacity` tokens, of units in the order of the conversation, the last ones of the run `runId`. That
 * run's messages and the newest unit must fit. Then come pinned messages, the newest first, and then the newest units without a
 * gap up to those for which the summary stands.
 */
export function selectContext(
  units: readonly ContextUnit[],
  runId: string,
  capacity: number,
): ({ readonly kind: 'selected' } & ContextChoice) | ContextTooLarge {
  const isRequired = requiredOf(units, runId);
  const required = tokensOfUnits(units.filter(isRequired));
  if (required > capacity) return { kind: 'tooLarge', tokens: required };
  let left = capacity - required;
  const takes = (unit: ContextUnit): boolean => {
    if (unit.tokens > left) return false;
    left -= unit.tokens;
    return true;
  };
  const optional = units.filter((unit) => unit.isPinned && !isRequired(unit)).toReversed();
  const taken = new Set(
    optional.slice(
      0,
      firstIndex(optional, (unit) => !takes(unit)),
    ),
  );
  const rest = units.toReversed();
  const newest = firstIndex(rest, (unit) => {
    if (isRequired(unit) || taken.has(unit)) return false;
    return unit.isCovered || !takes(unit);
  });
  const before = units.slice(0, units.length - newest);
  return { kind: 'selected', newest, pinned: before.filter((unit) => taken.has(unit)).length };
}

/** The units that a choice stands for, in their order. */
export function chosenUnits(
  units: readonly ContextUnit[],
  runId: string,
  { newest, pinned }: ContextChoice,
): ContextUnit[] {
  const isRequired = requiredOf(units, runId);
  const from = Math.max(0, units.length - newest);
  const optional = units.slice(0, from).filter((unit) => unit.isPinned && !isRequired(unit));
  const taken = new Set(pinned === 0 ? [] : optional.slice(-pinned));
  return units.filter((unit, at) => at >= from || isRequired(unit) || taken.has(unit));
}

/** The number of entries that are not chosen, although no summary stands for them or they are pinned. */
export function countOmitted(units: readonly ContextUnit[], chosen: readonly ContextUnit[]): number {
  const given = new Set(chosen);
  const omitted = units.filter((unit) => !given.has(unit) && (!unit.isCovered || unit.isPinned));
  return omitted.reduce((sum, { entries }) => sum + entries.length, 0);
}

/** The condition of units that must be in the context of a call of the run. */
function requiredOf(units: readonly ContextUnit[], runId: string): (unit: ContextUnit) => boolean {
  const newest = units.at(-1);
  return (unit) => unit === newest || (unit.runId === runId && unit.step === null);
}

function firstIndex<T>(list: readonly T[], found: (item: T) => boolean): number {
  const index = list.findIndex(found);
  return index < 0 ? list.length : index;
}
