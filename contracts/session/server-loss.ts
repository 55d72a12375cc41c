/**
 * The JSON of the signal `serverLost`. Workers of another version read it: add fields as optional. Absent from workers of
 * earlier versions; the workflow then starts another activity in any case.
 */
export interface ServerLoss {
  /**
   * The session's epoch after the loss. An activity that the workflow started when it had this epoch, or a newer one, is not the
   * lost one, and goes on; so does every activity where this is 0.
   */
  readonly epoch: number;
}
