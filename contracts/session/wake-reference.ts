import type { SessionStatus } from './session.ts';

/**
 * The JSON of the signal `runAdmitted`: a run that a gateway has admitted to the store. Ids and counters, never content. Histories
 * record it, and workers of another version read it: add fields as optional.
 */
export interface WakeReference {
  /** The session after the admission. `dueInMs`: milliseconds until it expires if nothing happens in it. */
  readonly session: { readonly status: SessionStatus; readonly agent: string; readonly dueInMs?: number };
  /** The admitted run. Null for several: the workflow then reads the open runs from the store. */
  readonly run: { readonly runId: string; readonly ordinal: number; readonly urgent: boolean } | null;
  /** Id of the running run that the message interrupts. */
  readonly interrupts: string | null;
  /** Whether no run was open when this one was admitted: every earlier run had ended. */
  readonly wasIdle: boolean;
  /** Id of the newest run that was open at admission. A workflow that does not have it reads the open runs from the store: it may have missed one. */
  readonly after?: string | undefined;
  /** Number of activities that had begun to serve the session before the admission. Absent from gateways of earlier versions. */
  readonly epoch?: number | undefined;
}
