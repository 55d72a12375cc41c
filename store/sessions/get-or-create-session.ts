import type { Policy } from '../../contracts/agent.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { JsonObject } from '../../contracts/json.ts';
import type { SessionLimits } from '../../contracts/session/session-limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { blankSession, insertSession } from './create-session.ts';
import type { Db, Tx } from '../db/db.ts';
import { expiryFactsOf, type ExpiryFacts } from './expire-if-due.ts';
import { lockForExecution } from './lock-for-execution.ts';
import { lockExistingSession, type LockedSession } from '../log/lock-session.ts';
import { ensureCapacity, type EvictedSession } from './ensure-capacity.ts';
import { orderOpenRuns, type OpenRunRow } from '../runs/order-open-runs.ts';
import { detectLostWorkflow } from './recover-session.ts';
import { checkMetadataSize } from './session-size.ts';

export interface GetOrCreateInput {
  /** Used, like `metadata` and `policy`, when the session is created. An existing session keeps its own. */
  readonly agent: string;
  readonly metadata?: JsonObject | undefined;
  readonly policy?: Policy | undefined;
  readonly kind: 'session' | 'run';
  /** Limits of active sessions. Default: none. */
  readonly limits?: SessionLimits | undefined;
  /** Id of the workflow execution, if it has not loaded its state yet; null if it has. */
  readonly execution: string | null;
}

export interface GetOrCreateResult {
  readonly created: boolean;
  readonly session: { readonly status: SessionStatus } & ExpiryFacts;
  /** Every open run, in the order of execution. Null unless `execution` was given. */
  readonly openRuns: OpenRun[] | null;
  readonly events: PerdureEvent[];
  /** Sessions that were expired to stay within the limits of active sessions. */
  readonly evicted: readonly EvictedSession[];
}

/** Returns a session, which is created if absent. An ended session is returned as it is: only a message reopens it. Throws `too_large` for metadata over its limit, and `session_limit`. */
export async function getOrCreateSession(db: Db, key: SessionKey, input: GetOrCreateInput): Promise<GetOrCreateResult> {
  checkMetadataSize(input.metadata ?? {});
  return await db.transaction(async (tx) => {
    const { session: found, events } = await lockForExecution(tx, key, input.execution);
    if (found) {
      const result = await getFound(tx, found, input);
      return { ...result, events: [...events, ...result.events] };
    }
    const { created, evicted } = await create(tx, key, input);
    const result = created ?? (await getFound(tx, await lockExistingSession(tx, key), input));
    return { ...result, evicted };
  });
}

/** `created`: null when another transaction has created the session meanwhile. What was expired to make room stays expired. */
async function create(
  tx: Tx,
  key: SessionKey,
  input: GetOrCreateInput,
): Promise<{ readonly created: Omit<GetOrCreateResult, 'evicted'> | null; readonly evicted: EvictedSession[] }> {
  const { agent, metadata = {}, policy = {}, kind, execution, limits } = input;
  const session = blankSession(key, await readClock(tx), { kind, agent, policy, execution });
  const evicted = limits && kind === 'session' ? await ensureCapacity(tx, key, limits) : [];
  if (!(await insertSession(tx, session, metadata))) return { created: null, evicted };
  const pending = pendingEvents(session);
  pending.add({ type: 'session.opened', agent }, null);
  const events = await appendEvents(tx, session, pending);
  const openRuns = execution === null ? null : [];
  return { created: { created: true, session: factsOf(session), openRuns, events }, evicted };
}

async function getFound(tx: Tx, session: LockedSession, { execution }: GetOrCreateInput): Promise<GetOrCreateResult> {
  const { key } = session;
  const facts = factsOf(session);
  if (execution === null) return { created: false, session: facts, openRuns: null, events: [], evicted: [] };
  const open = await tx.query<OpenRunRow>(
    `SELECT run_id, ordinal, urgent, status, bytes FROM perdure.runs
      WHERE user_id = $1 AND session_id = $2 AND status IN ('queued', 'running', 'waiting')`,
    [key.user, key.session],
  );
  const pending = pendingEvents(session);
  const executionChanged = detectLostWorkflow(session, pending, execution, open.length);
  const events = executionChanged ? await appendEvents(tx, session, pending) : [];
  return { created: false, session: facts, openRuns: orderOpenRuns(open), events, evicted: [] };
}

function factsOf(session: LockedSession): GetOrCreateResult['session'] {
  return { status: session.row.status, ...expiryFactsOf(session) };
}

async function readClock(tx: Tx): Promise<string> {
  const [clock] = await tx.query<{ at: string }>(`SELECT date_trunc('milliseconds', clock_timestamp()) AS at`, []);
  return (clock as { at: string }).at;
}
