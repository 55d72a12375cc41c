import type { FaultsFound } from './check-sessions.ts';

export interface Setting {
  readonly seed: number;
  readonly random: () => number;
  /** How long messages are sent and parts fail, in seconds. */
  readonly seconds: number;
  readonly people: number;
  /** Prints a line of progress. */
  readonly say: (line: string) => void;
}

/** Figures by name: numbers, or texts with their unit. */
export type Figures = Readonly<Record<string, number | string>>;

export interface Outcome {
  readonly figures: Figures;
  readonly found: FaultsFound;
  /** Faults of other kinds. */
  readonly faults: readonly string[];
  /** The folder of the logs of the processes, kept because a fault was found. */
  readonly logs?: string;
}

export interface Experiment {
  readonly name: string;
  readonly describe: string;
  run(setting: Setting): Promise<Outcome>;
}
