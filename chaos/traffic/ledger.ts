/** A message whose sender has a receipt. */
export interface Accepted {
  readonly session: string;
  readonly id: string;
  /** Epoch ms. */
  readonly sentAt: number;
  readonly acceptedAt: number;
}

/** What the people of a run have sent, received and read. */
export class Ledger {
  readonly accepted: Accepted[] = [];
  /** Epoch ms at which a reader saw the end of a message's run, by message id. */
  readonly endedAt = new Map<string, number>();
  /** Requests that were sent again with the same id. */
  sentAgain = 0;
  /** Connections of readers that were opened again. */
  reconnects = 0;
  /** The longest time in which a reader with an open run received nothing, in ms. */
  longestSilenceMs = 0;
  /** Faults that senders and readers have met. */
  readonly faults: string[] = [];

  /** Messages of a session without an end, as its reader sees it. */
  openOf(session: string): number {
    return this.accepted.filter((one) => one.session === session && !this.endedAt.has(one.id)).length;
  }
}
