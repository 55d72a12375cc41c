import type { UsageDayRow } from './sums.ts';

/** Adds up rows of the same day, agent and model: a statement can change each row once. Sorted, so that concurrent transactions lock rows in the same order. */
export function sumUsageDays(rows: readonly UsageDayRow[]): UsageDayRow[] {
  const sums = new Map<string, UsageDayRow>();
  for (const row of rows) {
    const { day, agent, model, ...amounts } = row;
    const id = JSON.stringify([day, agent, model]);
    const sum = sums.get(id);
    if (!sum) sums.set(id, { ...row });
    else for (const name of Object.keys(amounts) as (keyof typeof amounts)[]) sum[name] += amounts[name];
  }
  return [...sums.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
}
