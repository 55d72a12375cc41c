import type { UserSession } from '../../../store/admin/erasure/erase-sessions.ts';

/** The workflow executions of one user in Temporal, and those of clean-ups whose history names the user. */
export interface UserExecutions {
  /**
   * Requests the deletion of what Temporal lists, or, given sessions, of the newest execution of each of them: the list is eventually
   * consistent. Running ones are terminated. Temporal completes the deletions within about half a minute.
   */
  erase(sessions: readonly UserSession[], signal: AbortSignal): Promise<void>;
  /** How many executions are listed. Requests the deletion of those that were not listed before. */
  remaining(signal: AbortSignal): Promise<number>;
}
