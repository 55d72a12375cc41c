/** What `perdure doctor --json` prints. */
export interface Report {
  readonly ok: boolean;
  readonly findings: {
    readonly check: string;
    readonly state: string;
    readonly found: string;
    readonly remedy: string | null;
  }[];
}
