import type { World } from './world.ts';

/** A measurement. */
export interface Benchmark {
  /** Name for `--only`. */
  readonly name: string;
  /** The meaning of the figures, in one or two sentences. */
  readonly describe: string;
  readonly run: (world: World) => Promise<Findings>;
}

export interface Findings {
  readonly rows: readonly BenchmarkRow[];
  readonly aims?: readonly Aim[];
  /** Tables with other columns. */
  readonly tables?: readonly Table[];
}

/** A further table of a benchmark. */
export interface Table {
  readonly name: string;
  /** The meaning of the figures, in one or two sentences. */
  readonly describe: string;
  readonly rows: readonly BenchmarkRow[];
}

/** A row of the table. Keys of `values` are headings with their unit; a missing value is a blank cell. */
export interface BenchmarkRow {
  readonly what: string;
  readonly values: Readonly<Record<string, number>>;
}

/** A target and the measured figure. */
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
