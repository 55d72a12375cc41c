import type { Policy } from '../../contracts/agent.ts';
import type { PerdureEvent } from '../../contracts/session/event.ts';
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
  /** Of a session that is created here, as are `metadata` and `policy`; a session that exists keeps its own. */
  readonly agent: string;
  readonly metadata?: JsonObject | undefined;
  readonly policy?: Policy | undefined;
  readonly kind: 'session' | 'run';
  /** How many sessions may be active. Default: any number. */
  readonly limits?: SessionLimits | undefined;
  /** Names the workflow start that asks, when it holds no state yet; null when it does. */
  readonly execution: string | null;
}

export interface GetOrCreateResult {
  readonly created: boolean;
  readonly session: { readonly status: SessionStatus } & ExpiryFacts;
  /** Every open run, in the order in which they will go; null unless `execution` was given. */
  readonly openRuns: OpenRun[] | null;
  readonly events: PerdureEvent[];
  /** Sessions that have expired to make room for this one. */
  readonly evicted: readonly EvictedSession[];
}

/** Gets or creates a session. An ended one is answered as it is: only a message reopens. Throws `too_large` for metadata over its limit. */
export async function getOrCreateSession(db: Db, key: SessionKey, input: GetOrCreateInput): Promise<GetOrCreateResult> {
  checkMetadataSize(input.metadata ?? {});
  return await db.transaction(async (tx) => {
    const { session: found, events } = await lockForExecution(tx, key, input.execution);
    if (found) {
      const opened = await openFound(tx, found, input);
      return { ...opened, events: [...events, ...opened.events] };
    }
    return (await create(tx, key, input)) ?? (await openFound(tx, await lockExistingSession(tx, key), input));
  });
}

async function create(tx: Tx, key: SessionKey, input: GetOrCreateInput): Promise<GetOrCreateResult | null> {
  const { agent, metadata = {}, policy = {}, kind, execution, limits } = input;
  const session = blankSession(key, await readClock(tx), { kind, agent, policy, execution });
  const evicted = limits && kind === 'session' ? await ensureCapacity(tx, key, limits) : [];
  if (!(await insertSession(tx, session, metadata))) return null;
  const pending = pendingEvents(session);
  pending.add({ type: 'session.opened', agent }, null);
  const events = await appendEvents(tx, session, pending);
  return { created: true, session: factsOf(session), openRuns: execution === null ? null : [], events, evicted };
}

async function openFound(tx: Tx, session: LockedSession, { execution }: GetOrCreateInput): Promise<GetOrCreateResult> {
  const { key } = session;
  const facts = factsOf(session);
  if (execution === null) return { created: false, session: facts, openRuns: null, events: [], evicted: [] };
  const open = await tx.query<OpenRunRow>(
    `SELECT run_id, ordinal, urgent, status, bytes FROM perdure.runs
      WHERE user_id = $1 AND session_id = $2 AND status IN ('queued', 'running')`,
    [key.user, key.session],
  );
  const pending = pendingEvents(session);
  const noted = detectLostWorkflow(session, pending, execution, open.length);
  const events = noted ? await appendEvents(tx, session, pending) : [];
  return { created: false, session: facts, openRuns: orderOpenRuns(open), events, evicted: [] };
}

function factsOf(session: LockedSession): GetOrCreateResult['session'] {
  return { status: session.row.status, ...expiryFactsOf(session) };
}

async function readClock(tx: Tx): Promise<string> {
  const [clock] = await tx.query<{ at: string }>(`SELECT date_trunc('milliseconds', clock_timestamp()) AS at`, []);
  return (clock as { at: string }).at;
}
