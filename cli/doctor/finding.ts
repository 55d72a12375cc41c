/** The result of one check. */
export interface Finding {
  readonly check: string;
  /** `note`: not a problem, but worth knowing. */
  readonly state: 'ok' | 'note' | 'problem';
  readonly found: string;
  /** What to do about it; null when there is nothing to do. */
  readonly remedy: string | null;
}
