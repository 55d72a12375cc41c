/** A run that has not ended, as the queue sees it. */
export interface OpenRun {
  readonly runId: string;
  /** Its place among the runs of its session; a resumed run gets a new one. */
  readonly ordinal: number;
  /** Goes ahead of queued runs that are not. */
  readonly urgent: boolean;
}
