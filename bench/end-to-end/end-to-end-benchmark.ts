import type { Findings } from '../benchmark.ts';

/** A measurement of whole systems over HTTP. It starts and stops them itself, one after the other. */
export interface EndToEndBenchmark {
  /** Name for `--only`. */
  readonly name: string;
  /** The meaning of the figures, in one or two sentences. */
  readonly describe: string;
  readonly run: (setting: EndToEndSetting) => Promise<Findings>;
}

export interface EndToEndSetting {
  /** `embedded`: `perdure start`. `postgres`: worker, gateway and PostgreSQL as separate processes. */
  readonly topology: 'embedded' | 'postgres';
  /** An existing PostgreSQL server for the topology `postgres`. Without it, each system starts one of its own. */
  readonly databaseUrl: string | undefined;
  /** Returns the first value in a full run, the second one in a quick run. */
  size(full: number, quick: number): number;
}
