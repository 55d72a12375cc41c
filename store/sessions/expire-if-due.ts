import type { Policy } from '../../contracts/agent.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import {
  busyPauseMs,
  expiryOf,
  expiryReason,
  type Expiry,
  type Lifespan,
  type LifetimePolicy,
} from '../../core/session/expiry.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import type { Db, Tx } from '../db/db.ts';
import { readDueInMs } from '../items/load-items.ts';
import { lockSession, type LockedSession } from '../log/lock-session.ts';

/** What the expiry of a session is computed from, as of `at` on the store's clock. */
export interface ExpiryFacts extends Lifespan {
  readonly agent: string;
  readonly policy: Policy;
  readonly at: string;
}

export interface ExpiryCheck {
  /** The session after the check; null when there is no such session. */
  readonly session: { readonly status: SessionStatus; readonly agent: string } | null;
  /** Time until the next check is due; null when the session is not active. At least 1. */
  readonly dueInMs: number | null;
  readonly events: PerdureEvent[];
}

/**
 * Expires an active session that is past its idle timeout or maximum age and has no open run; otherwise returns when
 * to check again. Uses the store's clock under the session's lock, so that a concurrent message is admitted either
 * before or after the check.
 */
export async function expireIfDue(
  db: Db,
  key: SessionKey,
  lifetimeOf: (agent: string, policy: Policy) => LifetimePolicy,
): Promise<ExpiryCheck> {
  return await db.transaction(async (tx) => {
    const session = await lockSession(tx, key);
    if (!session) return { session: null, dueInMs: null, events: [] };
    const { row } = session;
    const facts = { status: row.status, agent: row.agent };
    if (row.status !== 'active') return { session: facts, dueInMs: null, events: [] };
    const lifetime = lifetimeOf(row.agent, row.policy);
    const { atMs, why } = expiryOf(expiryFactsOf(session), lifetime);
    const dueInMs = Math.ceil(atMs - Date.parse(session.at));
    if (dueInMs > 0) return { session: facts, dueInMs, events: [] };
    if (await hasOpenRun(tx, key)) {
      // While a run waits for an answer, there is nothing to check before its deadline: an answer makes the session active.
      const pauseMs = Math.max(busyPauseMs(lifetime), (await readDueInMs(tx, key)) ?? 0);
      return { session: facts, dueInMs: pauseMs, events: [] };
    }
    const events = await markExpired(tx, session, expiryReason(why satisfies Expiry['why'], lifetime));
    return { session: { status: 'expired', agent: row.agent }, dueInMs: null, events };
  });
}

/** Expires an active session whose lock the transaction holds. */
export async function markExpired(tx: Tx, session: LockedSession, reason: string): Promise<PerdureEvent[]> {
  session.row.status = 'expired';
  session.row.end_reason = reason;
  const pending = pendingEvents(session);
  pending.add({ type: 'session.expired', reason }, null);
  return await appendEvents(tx, session, pending);
}

/** Whether a session has a run that has not ended. */
export async function hasOpenRun(tx: Tx, key: SessionKey): Promise<boolean> {
  const open = await tx.query(
    `SELECT 1 FROM perdure.runs
      WHERE user_id = $1 AND session_id = $2 AND status IN ('queued', 'running', 'waiting') LIMIT 1`,
    [key.user, key.session],
  );
  return open.length > 0;
}

/** SQL condition on a table `s` of sessions: each of their runs has ended. */
export const hasNoOpenRun = (s: string): string => `
  NOT EXISTS (SELECT FROM perdure.runs r
               WHERE r.user_id = ${s}.user_id AND r.session_id = ${s}.session_id AND r.status IN ('queued', 'running', 'waiting'))`;

/** Returns the facts that determine the expiry of a locked session. */
export function expiryFactsOf({ at, row }: LockedSession): ExpiryFacts {
  return { at, agent: row.agent, policy: row.policy, lastActiveAt: row.last_active_at, openedAt: row.opened_at };
}
