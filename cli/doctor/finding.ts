/** What one check found. */
export interface Finding {
  readonly check: string;
  /** `note`: it works, but a person should know. */
  readonly state: 'ok' | 'note' | 'problem';
  readonly found: string;
  /** What to do; null when there is nothing to do. */
  readonly remedy: string | null;
}
