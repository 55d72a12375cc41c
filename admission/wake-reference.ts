import type { WakeReference } from '../contracts/session/wake-reference.ts';
import type { CommittedAdmissions } from '../store/admission/committed-admissions.ts';
import { needsWake } from './needs-wake.ts';

/** What the session's workflow gets of one admitted message; null if it needs nothing. */
export function wakeReference({
  session,
  results,
  openBefore,
  served,
  epoch,
}: CommittedAdmissions): WakeReference | null {
  const [decision] = results;
  if (
    !session ||
    !decision?.ok ||
    !needsWake(decision, { running: openBefore.running, isHeld: openBefore.isHeld, served })
  )
    return null;
  const { run, interrupts, duplicate, receipt } = decision;
  const { status, agent } = session;
  // Of a repeated message, the run may have been resumed since, beside others.
  const wasIdle = !duplicate && receipt.disposition === 'started';
  const after = duplicate ? null : openBefore.newest;
  return { session: { status, agent }, run, interrupts, wasIdle, ...(after === null ? {} : { after }), epoch };
}

/** One reference in place of two: the workflow then reads the open runs from the store. `later` was admitted after `earlier`. */
export function mergeReferences(earlier: WakeReference, later: WakeReference): WakeReference {
  // At most one run is running: a later message that interrupts another one was admitted after the end of the first.
  const interrupts = later.interrupts ?? earlier.interrupts;
  return { session: later.session, run: null, interrupts, wasIdle: false };
}
