import type { World } from './world.ts';

/** One thing that is measured. */
export interface Benchmark {
  /** For `--only`. */
  readonly name: string;
  /** What the figures mean, in a sentence or two. */
  readonly describe: string;
  readonly run: (world: World) => Promise<Findings>;
}

export interface Findings {
  readonly rows: readonly Row[];
  readonly aims?: readonly Aim[];
}

/** A line of a table. Headings carry the unit; a heading that a row lacks stays blank. */
export interface Row {
  readonly what: string;
  readonly values: Readonly<Record<string, number>>;
}

/** A figure that was wanted, beside the one that was measured. */
export interface Aim {
  readonly what: string;
  readonly wanted: string;
  readonly measured: number;
  readonly met: boolean;
}

export function atMost(what: string, measured: number, limit: number, unit = ''): Aim {
  return { what, wanted: `≤ ${limit}${unit}`, measured, met: measured <= limit };
}

export function atLeast(what: string, measured: number, limit: number, unit = ''): Aim {
  return { what, wanted: `≥ ${limit}${unit}`, measured, met: measured >= limit };
}
