import type { Figures } from './experiment.ts';

/** How much larger the median of the last quarter may be than that of the second: caches fill, and memory is collected late. */
const MAX_GROWTH = 1.25;

/** What was measured at one moment, by name. */
export type Sample = Readonly<Record<string, number>>;

/** Compares the medians of the second and the last quarter. */
export function growthOf(samples: readonly Sample[]): { figures: Figures; faults: string[] } {
  const quarter = Math.floor(samples.length / 4);
  const median = (name: string, from: number) => {
    const values = samples.slice(from, from + quarter).map((sample) => sample[name] ?? 0);
    return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  };
  const growths = Object.keys(samples[0] ?? {}).map((name) => ({
    name,
    early: median(name, quarter),
    late: median(name, samples.length - quarter),
  }));
  return {
    figures: Object.fromEntries(growths.map(({ name, early, late }) => [name, `${early} → ${late}`])),
    faults: growths
      .filter(({ early, late }) => late > early * MAX_GROWTH)
      .map(({ name, early, late }) => `growth: ${name} ${early} → ${late}`),
  };
}
