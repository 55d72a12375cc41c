import { isDeepStrictEqual } from 'node:util';
import type { Contribution } from '../../contracts/capabilities/context-provider.ts';
import type { JsonObject } from '../../contracts/json.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionState } from '../../contracts/session/state.ts';
import { mergeState, namespaceOf } from '../../core/session/merge-state.ts';
import { sanitizeJson } from '../db/sanitize.ts';
import type { Db, Tx } from '../db/db.ts';
import { appendEvents } from '../log/append-events.ts';
import { lockExistingSession, touch, type LockedSession } from '../log/lock-session.ts';
import { pendingEvents, type PendingEvents } from '../log/pending-events.ts';
import type { RunRow } from '../log/rows.ts';
import { completeRun } from '../runs/complete-run.ts';
import { loadRun } from '../runs/load-run.ts';
import { checkStateSize } from '../sessions/session-size.ts';
import type { ContextCallId } from './begin-context-call.ts';

export interface CommitContextCall extends ContextCallId {
  /** As returned by `beginContextCall`. */
  readonly attempt: number;
  readonly outcome:
    | {
        readonly status: 'completed';
        /** Null: it adds nothing. */
        readonly contribution: Contribution | null;
        /** Computes the namespace of the provider after the call from the current one; null for no change. If it throws, nothing changes. */
        readonly state: ((now: JsonObject) => JsonObject) | null;
        /** Writes more in the same transaction, under the session's lock. Default: nothing. */
        readonly also?: (tx: Tx) => Promise<void>;
      }
    | {
        readonly status: 'skipped';
        readonly error: string;
        /** What is added instead, such as a note on what is missing; null for nothing. */
        readonly contribution: Contribution | null;
      }
    /** Only in the background, where the run has completed. */
    | { readonly status: 'failed'; readonly error: string };
  /** Whether calls in the background follow the phase `after`. Default: as the run has it from its start. */
  readonly background?: boolean;
  /** Whether every other provider of the phase has its outcome. */
  readonly isLast: boolean;
  /** Working time of the call, with failed attempts. Does not count for a run that has completed. */
  readonly workedMs: number;
}

export type ContextCommit =
  | { readonly kind: 'committed'; readonly ended: boolean; readonly events: PerdureEvent[] }
  /** The run has ended, another activity serves the session, or a later attempt was begun. Nothing was changed. */
  | { readonly kind: 'stale' };

/**
 * Commits the outcome of a call of a context provider in one transaction with the change of its state: so both take effect once,
 * however often the provider was called. The last call of a phase continues the run, or completes it; the
 * last one in the background ends what is left of it. Throws `not_found` and `too_large`.
 */
export async function commitContextCall(db: Db, key: SessionKey, input: CommitContextCall): Promise<ContextCommit> {
  const { runId, outcome, isLast, workedMs } = input;
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const { run } = await loadRun(tx, key, runId);
    if (!isCurrent(session, run, input) || !(await closeContextCall(tx, key, input))) return { kind: 'stale' };
    const pending = pendingEvents(session);
    if (outcome.status === 'completed' && outcome.state) {
      await changeState(tx, session, pending, input.provider, outcome.state);
    }
    if (outcome.status === 'completed') await outcome.also?.(tx);
    if (input.epoch === null) {
      if (isLast) endBackground(run);
    } else {
      run.active_ms += workedMs;
      touch(session);
      if (isLast) endPhase(session, pending, run, input);
    }
    const events = await appendEvents(tx, session, pending, { runs: [run] });
    return { kind: 'committed', ended: run.status === 'completed', events };
  });
}

/** Ends a phase in which no provider is left to be called, because the worker's code has changed since the run began. Stale as {@link commitContextCall}. */
export async function commitContextPhase(
  db: Db,
  key: SessionKey,
  { runId, ...of }: Pick<CommitContextCall, 'runId' | 'phase' | 'epoch' | 'background'>,
): Promise<ContextCommit> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const { run } = await loadRun(tx, key, runId);
    if (!isCurrent(session, run, of)) return { kind: 'stale' };
    const pending = pendingEvents(session);
    if (of.epoch === null) endBackground(run);
    else endPhase(session, pending, run, of);
    const events = await appendEvents(tx, session, pending, { runs: [run] });
    return { kind: 'committed', ended: run.status === 'completed', events };
  });
}

function isCurrent(
  { row }: LockedSession,
  run: RunRow,
  { phase, epoch }: Pick<ContextCallId, 'phase' | 'epoch'>,
): boolean {
  if (epoch === null)
    return row.status !== 'archived' && run.status === 'completed' && run.context?.background === true;
  return row.epoch === epoch && run.status === 'running' && run.context?.phase === phase;
}

/** Continues the run after the last call of a phase. */
function endPhase(
  session: LockedSession,
  pending: PendingEvents,
  run: RunRow,
  { phase, background = false }: Pick<CommitContextCall, 'phase' | 'background'>,
): void {
  if (phase === 'after') {
    // The worker that began the run may have had other code of the providers.
    if (run.context && background) run.context = { ...run.context, background };
    completeRun(session, pending, run);
  } else if (run.context) run.context = { ...run.context, phase: 'steps' };
}

function endBackground(run: RunRow): void {
  if (run.context) run.context = { ...run.context, background: false };
}

async function closeContextCall(
  tx: Tx,
  key: SessionKey,
  { runId, phase, provider, attempt, outcome }: CommitContextCall,
): Promise<boolean> {
  const contribution = outcome.status === 'failed' ? null : outcome.contribution;
  const closed = await tx.query(
    `UPDATE perdure.context_calls
        SET status = $7, contribution = $8::json, error = $9, ended_at = clock_timestamp()
      WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND phase = $4 AND provider = $5
        AND status = 'running' AND attempts = $6::integer
     RETURNING 1`,
    [
      key.user,
      key.session,
      runId,
      phase,
      provider,
      attempt,
      outcome.status,
      contribution && sanitizeJson(contribution).text,
      outcome.status === 'completed' ? null : outcome.error,
    ],
  );
  return closed.length > 0;
}

/** Replaces the namespace of a provider. An unchanged one leaves no event. */
async function changeState(
  tx: Tx,
  { key }: LockedSession,
  pending: PendingEvents,
  name: string,
  change: (now: JsonObject) => JsonObject,
): Promise<void> {
  const [found] = await tx.query<{ state: SessionState }>(
    'SELECT state FROM perdure.sessions WHERE user_id = $1 AND session_id = $2',
    [key.user, key.session],
  );
  const before = found?.state ?? {};
  const now = namespaceOf(before, name);
  const { value: after } = sanitizeJson(change(now));
  if (isDeepStrictEqual(now, after)) return;
  const removed = Object.keys(now).filter((field) => !Object.hasOwn(after, field));
  const patch = { [name]: { ...after, ...Object.fromEntries(removed.map((field) => [field, null])) } };
  const state = mergeState(before, patch);
  checkStateSize(before, state);
  await tx.query('UPDATE perdure.sessions SET state = $3 WHERE user_id = $1 AND session_id = $2', [
    key.user,
    key.session,
    JSON.stringify(state),
  ]);
  pending.add({ type: 'session.updated', state: patch, namespaces: [name] }, null);
}
