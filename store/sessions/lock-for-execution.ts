import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { closeRun } from '../runs/close-run.ts';
import type { Tx } from '../db/db.ts';
import { loadRun } from '../runs/load-run.ts';
import { lockSession, type LockedSession } from '../log/lock-session.ts';

export interface ExecutionLock {
  /** Null when there is no such session. */
  readonly session: LockedSession | null;
  /** What was appended before: readers are to be told of it first. */
  readonly events: readonly PerdureEvent[];
}

/**
 * Takes the session's lock for a workflow start (`execution`; null when it asked before). Where the workflow before it
 * was lost between admitting a message that interrupts and stopping the run it interrupts, that run ends here:
 * nobody else will stop it.
 */
export async function lockForExecution(tx: Tx, key: SessionKey, execution: string | null): Promise<ExecutionLock> {
  const session = await lockSession(tx, key);
  if (!session || execution === null || session.row.execution === execution) return { session, events: [] };
  const interrupted = await tx.query<{ run_id: string }>(
    `SELECT DISTINCT m.interrupts AS run_id
       FROM perdure.runs u
       JOIN perdure.messages m ON m.user_id = $1 AND m.session_id = $2 AND m.run_id = u.run_id
       JOIN perdure.runs r ON r.user_id = $1 AND r.session_id = $2 AND r.run_id = m.interrupts
      WHERE u.user_id = $1 AND u.session_id = $2 AND u.urgent AND u.status = 'queued' AND r.status = 'running'`,
    [key.user, key.session],
  );
  if (interrupted.length === 0) return { session, events: [] };
  const loaded = [];
  for (const { run_id } of interrupted) loaded.push(await loadRun(tx, key, run_id));
  const pending = pendingEvents(session);
  for (const one of loaded) closeRun(session, pending, one, { status: 'cancelled', reason: 'interrupted' }, null);
  const runs = loaded.map(({ run }) => run);
  const toolCalls = loaded.flatMap(({ openCalls }) => openCalls);
  const events = await appendEvents(tx, session, pending, { runs, toolCalls });
  // The row as it now is: what follows appends after it.
  return { session: await lockSession(tx, key), events };
}
