import type { AdmissionDecision } from '../store/admission/admission-request.ts';

type Accepted = Extract<AdmissionDecision, { ok: true }>;

/**
 * Whether the session's workflow needs a signal for an accepted message: it makes a run to execute, or stops one. An activity
 * that serves the session gets both without the workflow. While the run of a repeated message is queued, its first signal may
 * have been lost. `running`: id of the session's running run.
 */
export function needsWake(
  { duplicate, run, interrupts }: Pick<Accepted, 'duplicate' | 'run' | 'interrupts'>,
  { running, served, isHeld }: { readonly running: string | null; readonly served: boolean; readonly isHeld: boolean },
): boolean {
  if (served) return false;
  // It is executed after the run that waits for an answer, by the activity that then serves the session.
  if (isHeld && run?.urgent === false) return false;
  if (interrupts !== null) return true;
  return run !== null && (!duplicate || run.runId !== running);
}
