import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import type { Db, Tx } from '../db/db.ts';
import { appendEvents } from '../log/append-events.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { orderOpenRuns } from '../runs/order-open-runs.ts';
import { restoreRows } from '../sessions/archive-session.ts';
import { insertSession } from '../sessions/create-session.ts';
import { ensureCapacity, SessionLimitError, type EvictedSession } from '../sessions/ensure-capacity.ts';
import { expiryFactsOf, type ExpiryFacts } from '../sessions/expire-if-due.ts';
import { lockForExecution } from '../sessions/lock-for-execution.ts';
import { detectLostWorkflow, reopen } from '../sessions/recover-session.ts';
import type { AdmissionDecision, AdmissionRequest } from './admission-request.ts';
import { decideAdmission } from './decide-admission.ts';
import { loadAdmissionState, type AdmissionState } from './load-admission-state.ts';

export interface CommittedAdmissions {
  /** The session after the commit; null when there is none because every message was refused. */
  readonly session: ({ readonly status: SessionStatus } & ExpiryFacts) | null;
  readonly created: boolean;
  /** One decision per message, in the order of the request. */
  readonly results: AdmissionDecision[];
  /** Every open run, including new ones, in the order of execution. Null unless `execution` was given. */
  readonly openRuns: OpenRun[] | null;
  readonly events: PerdureEvent[];
  /** Sessions that were expired to stay within the limits of active sessions. */
  readonly evicted: readonly EvictedSession[];
}

/** Rolls the transaction back when the limit of active sessions leaves no capacity. Carries what to return instead. */
class AdmissionRollback extends Error {
  readonly outcome: CommittedAdmissions;
  constructor(outcome: CommittedAdmissions, cause: SessionLimitError) {
    super(cause.message, { cause });
    this.outcome = outcome;
  }
}

/**
 * Decides about messages and commits the accepted ones, in order and in one transaction. Creates, reopens or restores
 * the session as needed. A receipt is final: the same id gets the same receipt for ever. A refused message leaves no
 * trace.
 */
export async function commitAdmissions(
  db: Db,
  key: SessionKey,
  request: AdmissionRequest,
): Promise<CommittedAdmissions> {
  let runAfterCommit: (() => Promise<void>) | undefined;
  try {
    const committed = await db.transaction(async (tx) => {
      for (;;) {
        const { session, events } = await lockForExecution(tx, key, request.execution);
        const archived = session?.row.status === 'archived';
        if (archived) runAfterCommit = await restoreRows(db, tx, session);
        const admitted = await decideAndAppend(tx, key, request, session, archived);
        // Null: another transaction has created the session meanwhile. It can be locked now.
        if (admitted) return { ...admitted, events: [...events, ...admitted.events] };
      }
    });
    await runAfterCommit?.();
    return committed;
  } catch (error) {
    if (error instanceof AdmissionRollback) return error.outcome;
    throw error;
  }
}

async function decideAndAppend(
  tx: Tx,
  key: SessionKey,
  request: AdmissionRequest,
  found: LockedSession | null,
  restored: boolean,
): Promise<CommittedAdmissions | null> {
  const { limits, kind, execution, messages } = request;
  const before = found && { status: found.row.status, ...expiryFactsOf(found) };
  const state = await loadAdmissionState(tx, key, request, found);
  const executionChanged =
    found && state.pending ? detectLostWorkflow(found, state.pending, execution, state.open.length) : false;
  // Every message restores an archived session, so that even a duplicate finds its receipt and its reply.
  if (restored && found && state.pending) reopen(found, state.pending);
  const results = messages.map((message) => decideAdmission(state, message));
  const { session, pending } = state;
  const created = session !== null && found === null;
  const activates = session !== null && session.row.status === 'active' && before?.status !== 'active';
  const evicted =
    activates && limits && kind === 'session'
      ? await ensureCapacity(tx, key, limits).catch((error: unknown) => {
          throw error instanceof SessionLimitError ? rollback(state, before, results, error, restored) : error;
        })
      : [];
  if (created && !(await insertSession(tx, session, {}))) return null;
  const changed = executionChanged || restored || state.messages.length > 0;
  const rows = { messages: state.messages, runs: [...state.runs] };
  return {
    session: session && { status: session.row.status, ...expiryFactsOf(session) },
    created,
    results,
    openRuns: execution === null ? null : orderOpenRuns(state.open),
    events: session && pending && changed ? await appendEvents(tx, session, pending, rows) : [],
    evicted,
  };
}

/** Refuses every message that would have been accepted. A duplicate keeps its receipt, unless that is in the archive. */
function rollback(
  { request, messages }: AdmissionState,
  before: CommittedAdmissions['session'],
  results: readonly AdmissionDecision[],
  error: SessionLimitError,
  restored: boolean,
): AdmissionRollback {
  const refusal = { ok: false, code: error.code, detail: error.message, retryAfterMs: null } as const;
  const isNew = (id: string) => restored || messages.some(({ message_id }) => message_id === id);
  const decisions = results.map((result) => (result.ok && isNew(result.receipt.messageId) ? refusal : result));
  const openRuns = request.execution === null ? null : [];
  return new AdmissionRollback(
    { session: before, created: false, results: decisions, openRuns, events: [], evicted: [] },
    error,
  );
}
