/** An execution of a workflow that is open. */
export interface OpenExecution {
  readonly workflowId: string;
  readonly runId: string;
  /** In milliseconds since 1970. */
  readonly startedAtMs: number;
}

/** Why an execution is in a sample. */
export type Stratum = 'oldest' | 'newest' | 'longest' | 'random';

/** Executions whose length is read for each one of the sample: the length of an open history is not listed. */
const EXAMINED_PER_CHOSEN = 4;

/**
 * The executions whose histories' lengths are read to choose `size` of them: the oldest, the newest, and random ones of the
 * rest. `random` returns numbers from 0 to below 1.
 */
export function candidatesOf<T extends OpenExecution>(open: readonly T[], size: number, random: () => number): T[] {
  const byAge = open.toSorted((a, b) => a.startedAtMs - b.startedAtMs);
  const quarter = Math.ceil(size / 4);
  const oldest = byAge.splice(0, quarter);
  const newest = byAge.splice(Math.max(0, byAge.length - quarter));
  const left = Math.max(0, size * EXAMINED_PER_CHOSEN - oldest.length - newest.length);
  return [...oldest, ...newest, ...shuffled(byAge, random).slice(0, left)];
}

/** Chooses at most `size` executions: a quarter each of the oldest, the newest and the longest ones, and random others. */
export function chooseSample<T extends OpenExecution & { readonly events: number }>(
  candidates: readonly T[],
  size: number,
  random: () => number,
): (T & { readonly stratum: Stratum })[] {
  const quarter = Math.ceil(size / 4);
  const chosen = new Map<T, Stratum>();
  const take = (stratum: Stratum, ordered: readonly T[], count: number): void => {
    const free = ordered.filter((one) => !chosen.has(one));
    for (const one of free.slice(0, Math.min(count, size - chosen.size))) chosen.set(one, stratum);
  };
  const byAge = candidates.toSorted((a, b) => a.startedAtMs - b.startedAtMs);
  take('oldest', byAge, quarter);
  take(
    'longest',
    candidates.toSorted((a, b) => b.events - a.events),
    quarter,
  );
  take('newest', byAge.toReversed(), quarter);
  take('random', shuffled(candidates, random), size);
  return [...chosen].map(([one, stratum]) => ({ ...one, stratum }));
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
