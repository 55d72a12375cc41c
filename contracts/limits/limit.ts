/** A limit: its value, its unit, and the code of the error when it is exceeded. */
export interface Limit {
  readonly value: number;
  readonly unit: 'bytes' | 'characters' | 'items' | 'ms' | 'tokens';
  /** Null when exceeding it has no visible effect. */
  readonly error:
    | 'too_large'
    | 'invalid_request'
    | 'unauthenticated'
    | 'queue_full'
    | 'run_failed'
    | 'rate_limited'
    | 'request_timeout'
    | null;
  /** The description in docs/limits.md. */
  readonly what: string;
}
