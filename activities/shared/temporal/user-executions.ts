import type { UserSession } from '../../../store/admin/erasure/erase-sessions.ts';

/** The workflow executions of one user in Temporal, and those of clean-ups whose history names the user. */
export interface UserExecutions {
  /**
   * Deletes what Temporal lists, and the newest execution of each of the sessions: the list is eventually consistent. Running ones
   * are terminated. Returns how many deletions were requested; Temporal completes them within about half a minute.
   */
  erase(sessions: readonly UserSession[], signal: AbortSignal): Promise<number>;
  /** How many executions are listed. Requests the deletion of those that were not listed before. */
  remaining(signal: AbortSignal): Promise<number>;
}
