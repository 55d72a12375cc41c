import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db, Tx } from '../db/db.ts';
import { appendEvents } from '../log/append-events.ts';
import type { LockedSession } from '../log/lock-session.ts';
import type { MessageRow } from '../log/rows.ts';
import { cancelRuns } from '../runs/cancel-runs.ts';
import { loadRun, type LoadedRun } from '../runs/load-run.ts';
import { orderOpenRuns } from '../runs/order-open-runs.ts';
import { setStopReason } from '../runs/stop/stop-reason.ts';
import { restoreRows } from '../sessions/archive-session.ts';
import { requireArchive, withArchive, type LoadedArchive } from '../sessions/session-archive.ts';
import { insertSession } from '../sessions/create-session.ts';
import { ensureCapacity, SessionLimitError, type EvictedSession } from '../sessions/ensure-capacity.ts';
import { expiryFactsOf } from '../sessions/expire-if-due.ts';
import { lockForExecution } from '../sessions/lock-for-execution.ts';
import { detectLostWorkflow, reopen } from '../sessions/recover-session.ts';
import type { AdmissionDecision, AdmissionRequest } from './admission-request.ts';
import { refuseAbsentAttachments } from './refuse-absent-attachments.ts';
import { decideAdmission } from './decide-admission.ts';
import { loadAdmissionState, openIn, type AdmissionState } from './load-admission-state.ts';
import { admitUnlocked } from './admit-unlocked.ts';
import { admittedSession, type CommittedAdmissions } from './committed-admissions.ts';

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
  const admitted = await admitUnlocked(db, key, request);
  if (admitted) return admitted;
  const ids = request.messages.map(({ id }) => id);
  return await withArchive(db, key, ids, async (archive) => await admitOnce(db, key, request, archive));
}

async function admitOnce(
  db: Db,
  key: SessionKey,
  request: AdmissionRequest,
  loaded: LoadedArchive | null,
): Promise<CommittedAdmissions> {
  let runAfterCommit: (() => Promise<void>) | undefined;
  try {
    const committed = await db.transaction(async (tx) => {
      // Of every round: what an earlier one has expired stays expired.
      const evicted: EvictedSession[] = [];
      for (;;) {
        const { session, events } = await lockForExecution(tx, key, request.execution);
        const archive = session?.row.status === 'archived' ? await requireArchive(tx, key, loaded) : null;
        const admitted = await decideAndAppend(tx, key, request, {
          found: session,
          archive,
          evicted,
          restore: async (archived) => {
            runAfterCommit = await restoreRows(db, tx, archived, archive);
          },
        });
        // Null: another transaction has created the session meanwhile. It can be locked now.
        if (admitted) return { ...admitted, events: [...events, ...admitted.events], evicted };
      }
    });
    await runAfterCommit?.();
    return committed;
  } catch (error) {
    if (error instanceof AdmissionRollback) return error.outcome;
    throw error;
  }
}

/** One attempt to admit. */
interface Round {
  readonly found: LockedSession | null;
  readonly archive: LoadedArchive | null;
  /** The sessions that made room, in all rounds. */
  readonly evicted: EvictedSession[];
  /** Restores the rows of an archived session. */
  readonly restore: (session: LockedSession) => Promise<void>;
}

async function decideAndAppend(
  tx: Tx,
  key: SessionKey,
  request: AdmissionRequest,
  { found, archive, evicted, restore }: Round,
): Promise<Omit<CommittedAdmissions, 'evicted'> | null> {
  const { limits, kind, execution } = request;
  const before = found && { status: found.row.status, ...expiryFactsOf(found) };
  const state = await loadAdmissionState(tx, key, request, found);
  const executionChanged =
    found && state.pending ? detectLostWorkflow(found, state.pending, execution, state.open.length) : false;
  const openBefore = openIn(state);
  const messages = await refuseAbsentAttachments(tx, key.user, request.messages);
  const archived = archive === null ? [] : (JSON.parse(archive.messages) as MessageRow[]);
  for (const message of archived) state.known.set(message.message_id, message);
  const results = messages.map((message) => decideAdmission(state, message));
  // A refused message leaves an archived session as it is. A duplicate restores it, so that its reply can be read.
  const restored = archive !== null && results.some(({ ok }) => ok);
  if (restored && found && state.pending) {
    reopen(found, state.pending);
    await restore(found);
  }
  const { session, pending } = state;
  const created = session !== null && found === null;
  const activates = session !== null && session.row.status === 'active' && before?.status !== 'active';
  if (activates && limits && kind === 'session') {
    const expired = await ensureCapacity(tx, key, limits).catch((error: unknown) => {
      throw error instanceof SessionLimitError ? rollback(state, before, results, error, restored) : error;
    });
    evicted.push(...expired);
  }
  if (activates && request.beforeWorkflow === true) session.row.execution = null;
  if (created && !(await insertSession(tx, session, {}))) return null;
  for (const result of results) {
    if (result.ok && result.interrupts !== null) await setStopReason(tx, key, result.interrupts, 'interrupted');
  }
  const changed = executionChanged || restored || state.messages.length > 0;
  const cancelled = await withdrawInterrupted(tx, state);
  const rows = { ...cancelled, messages: state.messages, runs: [...state.runs, ...cancelled.runs] };
  return {
    ...admittedSession(session),
    created,
    results,
    openRuns: execution === null ? null : orderOpenRuns(state.open),
    openBefore,
    events: session && pending && changed ? await appendEvents(tx, session, pending, rows) : [],
  };
}

/** Cancels the waiting runs that messages interrupt. */
async function withdrawInterrupted(
  tx: Tx,
  { key, session, pending, withdrawn }: AdmissionState,
): Promise<Awaited<ReturnType<typeof cancelRuns>> | { readonly runs: readonly [] }> {
  if (!session || !pending || withdrawn.length === 0) return { runs: [] };
  const loaded: LoadedRun[] = [];
  for (const run of withdrawn) {
    const found = await loadRun(tx, key, run.run_id);
    // With the messages that have joined it now.
    loaded.push({ ...found, run: { ...found.run, ...run } });
  }
  return await cancelRuns(tx, session, pending, loaded, 'interrupted');
}

/** Refuses every message that would have been accepted. A duplicate keeps its receipt, unless that is in the archive. */
function rollback(
  state: AdmissionState,
  before: CommittedAdmissions['session'],
  results: readonly AdmissionDecision[],
  error: SessionLimitError,
  restored: boolean,
): AdmissionRollback {
  const { request, messages } = state;
  const refusal = { ok: false, code: error.code, detail: error.message, retryAfterMs: null } as const;
  const isNew = (id: string) => restored || messages.some(({ message_id }) => message_id === id);
  const decisions = results.map((result) => (result.ok && isNew(result.receipt.messageId) ? refusal : result));
  const openRuns = request.execution === null ? null : [];
  return new AdmissionRollback(
    {
      session: before,
      created: false,
      served: false,
      epoch: state.session?.row.epoch ?? 0,
      results: decisions,
      openRuns,
      openBefore: openIn(state),
      events: [],
      evicted: [],
    },
    error,
  );
}
