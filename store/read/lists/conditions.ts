/** SQL conditions, to be joined with AND, and their parameters. */
export interface Conditions {
  readonly sql: string[];
  readonly params: unknown[];
  /** Adds a parameter and returns its placeholder. */
  readonly param: (value: unknown) => string;
  /** Whether an index may be of no help, so that the time is bounded and the plan made for the values. */
  isCostly: boolean;
}

export function newConditions(): Conditions {
  const params: unknown[] = [];
  return { sql: [], params, param: (value) => `$${params.push(value)}`, isCostly: false };
}
