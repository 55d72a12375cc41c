import { PerdureError } from '../contracts/errors.ts';
import type { PerdureEvent } from '../contracts/event.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { SessionStatus } from '../contracts/session.ts';
import { appendEvents, newEvents } from './append-events.ts';
import type { Db } from './db.ts';
import { loadRun } from './load-run.ts';
import { lockExistingSession, type LockedSession } from './lock-session.ts';
import { openRunOf, type OpenRun } from './open-run.ts';
import { reopen } from './recover-session.ts';
import type { RunRow } from './rows.ts';

export interface ResumedRun {
  readonly run: OpenRun;
  readonly session: { readonly status: SessionStatus; readonly agent: string };
  readonly events: PerdureEvent[];
}

/**
 * Makes a failed or cancelled run wait again, behind those that wait; it will go on after its last committed step.
 * Reopens the session if need be. Throws `not_found`, `session_ended`, `run_in_progress` and, for a completed run,
 * `invalid_request`. A repeat before the run has started again changes nothing.
 */
export async function resumeRun(db: Db, key: SessionKey, runId: string): Promise<ResumedRun> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const { run } = await loadRun(tx, key, runId);
    const resumedBefore = run.status === 'queued' && run.resumes > 0;
    if (!resumedBefore) checkResumable(session, run);
    const log = newEvents(session);
    if (!resumedBefore) requeue(session, run);
    reopen(session, log);
    const events = resumedBefore ? [] : await appendEvents(tx, session, log, { runs: [run] });
    return { run: openRunOf(run), session: { status: session.row.status, agent: session.row.agent }, events };
  });
}

function checkResumable({ key, row }: LockedSession, run: RunRow): void {
  const name = `The run ${JSON.stringify(run.run_id)}`;
  if (run.status === 'completed') {
    throw new PerdureError('invalid_request', `${name} is completed. Only a failed or cancelled run can be resumed.`);
  }
  if (run.status === 'queued' || run.status === 'running') {
    throw new PerdureError(
      'run_in_progress',
      `${name} is ${run.status}. Only a failed or cancelled run can be resumed.`,
    );
  }
  if (row.status === 'completed') {
    throw new PerdureError(
      'session_ended',
      `${name} belongs to the session ${JSON.stringify(key.session)}, which has ended. Send its message to another session.`,
    );
  }
}

function requeue(session: LockedSession, run: RunRow): void {
  session.row.last_ordinal += 1;
  session.row.last_active_at = session.at;
  run.ordinal = session.row.last_ordinal;
  run.urgent = false;
  run.status = 'queued';
  run.error = null;
  run.ended_at = null;
  run.resumes += 1;
}
