import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import type { Tx } from '../db/db.ts';
import { openRunOf, type OpenRunRow } from '../runs/order-open-runs.ts';
import { hasWorkInSession } from '../runs/held-runs.ts';

/** An open run with the W3C trace of the message that queued it. */
export interface NextRun extends OpenRun {
  readonly traceparent: string | null;
}

/** The run of a session that is next in the order of execution; null when no run has work. */
export async function findNextRun(db: Tx, { user, session }: SessionKey): Promise<NextRun | null> {
  const [run] = await db.query<OpenRunRow & Pick<NextRun, 'traceparent'>>(
    `SELECT run_id, ordinal, urgent, status, bytes, traceparent FROM perdure.runs r
      WHERE user_id = $1 AND session_id = $2 AND ${hasWorkInSession('r')}
      ORDER BY status = 'running' DESC, urgent DESC, ordinal LIMIT 1`,
    [user, session],
  );
  return run ? { ...openRunOf(run), traceparent: run.traceparent } : null;
}
