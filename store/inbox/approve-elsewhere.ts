import type { PerdureEvent } from '../../contracts/events/event.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { InboxItem } from '../../contracts/session/inbox-item.ts';
import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import type { Db } from '../db/db.ts';
import { appendEvents } from '../log/append-events.ts';
import { lockSession, touch } from '../log/lock-session.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { openRunOf } from '../runs/order-open-runs.ts';
import { approveRemembered, type RememberedApproval } from './approve-remembered.ts';
import { continueRun } from './continue-run.ts';
import { inboxItemOf } from './inbox-record.ts';

/** What a remembered approval has settled in another session. */
export interface ApprovedElsewhere {
  readonly key: SessionKey;
  readonly kind: 'session' | 'run';
  readonly session: { readonly status: SessionStatus; readonly agent: string };
  readonly items: readonly InboxItem[];
  readonly events: PerdureEvent[];
  /** The first run that goes on; null if none does. */
  readonly wakes: OpenRun | null;
  readonly served: boolean;
  readonly epoch: number;
}

/**
 * Approves the calls that wait in other sessions of a user, to which an approval applies that was remembered for the user in the session `key`: as
 * `approveRemembered`, in a transaction for each session, and at most as many as the limit. What fails here goes on waiting, and is skipped.
 */
export async function approveElsewhere(
  db: Db,
  key: SessionKey,
  remembered: RememberedApproval,
): Promise<ApprovedElsewhere[]> {
  const { agent, tool } = remembered.item;
  const sessions = await db.query<{ session_id: string }>(
    `SELECT DISTINCT session_id FROM perdure.inbox
      WHERE user_id = $1 AND session_id <> $2 AND status = 'pending' AND kind = 'approval' AND agent = $3 AND tool = $4
      ORDER BY session_id LIMIT $5`,
    [key.user, key.session, agent, tool, LIMITS.rememberedSessions.value],
  );
  const approved: ApprovedElsewhere[] = [];
  for (const { session_id: session } of sessions) {
    const one = await approveIn(db, sessionKey(key.user, session), remembered).catch(() => null);
    if (one && one.items.length > 0) approved.push(one);
  }
  return approved;
}

async function approveIn(db: Db, key: SessionKey, remembered: RememberedApproval): Promise<ApprovedElsewhere | null> {
  return await db.transaction(async (tx) => {
    const session = await lockSession(tx, key);
    if (!session) return null;
    const pending = pendingEvents(session);
    const { runs, toolCalls, inbox } = await approveRemembered(tx, session, pending, remembered, null);
    const continued = runs.filter(({ run, openCalls }) => continueRun(session, run, openCalls));
    touch(session);
    const events =
      inbox.length === 0
        ? []
        : await appendEvents(tx, session, pending, { runs: runs.map(({ run }) => run), toolCalls, inbox });
    const { status, agent, served_by, epoch, kind } = session.row;
    return {
      key,
      kind,
      session: { status, agent },
      items: inbox.map((item) => inboxItemOf(item, key)),
      events,
      wakes: continued[0] ? openRunOf(continued[0].run) : null,
      served: served_by !== null,
      epoch,
    };
  });
}
