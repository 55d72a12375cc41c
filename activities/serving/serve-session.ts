import { activityInfo, ApplicationFailure } from '@temporalio/activity';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { isChildId } from '../../core/children/child-id.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import { STEPS_SHOWN } from '../../core/session/session-details.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { resolveServing } from '../../contracts/serving.ts';
import type { NextRun } from '../../store/serving/find-next-run.ts';
import { readDueInMs } from '../../store/items/load-items.ts';
import { leaveSession } from '../../store/serving/leave-session.ts';
import { advanceRun, type RunAdvance } from '../run/advance-run.ts';
import type { ContextCache } from '../run/conversation/context-cache.ts';
import type { Serving } from '../run/serving.ts';
import { handOver } from '../children/children.ts';
import { callingSession } from '../shared/calling-session.ts';
import type { Advance, AdvanceRunInput } from '../shared/contract.ts';
import { countingFailures } from '../shared/counting-failures.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { heartbeat } from '../shared/heartbeat.ts';
import { workerLeft } from '../shared/worker-left.ts';
import { BackgroundSummary } from './background-summary.ts';
import type { ServedSessions } from './served-sessions.ts';
import { serveRuns, type LeftSession } from './serve-runs.ts';
import { SessionWatch } from './session-watch.ts';
import { takeFirst, takeNext } from './take-next.ts';

/** An activity that has served a session this long returns when no run is in progress. */
const SERVE_MS = 3_600_000;

/** Each is a write of Temporal's database. A lost worker is detected by its lease. */
const HEARTBEAT_MS = 20_000;

type ServingDeps = ActivityDeps & { readonly contexts: ContextCache; readonly sessions: ServedSessions };

/**
 * Serves a session: executes a run, and then, if it lingers, the runs that are or become open, in their order. With no run open
 * it waits, so that the next message costs no task of Temporal. It returns when the workflow has to decide, when it has lingered in vain, or
 * when it has to leave: see "A session that is being served" in ARCHITECTURE.md.
 */
export async function serveSession(deps: ServingDeps, { runId, lingers = false }: AdvanceRunInput): Promise<Advance> {
  const { key, kind } = callingSession();
  using _beat = heartbeat(HEARTBEAT_MS);
  const serving: Serving = {
    key,
    workerId: deps.workerId,
    epoch: null,
    follows: null,
    known: null,
    contexts: deps.contexts,
    lastRun: null,
    summary: null,
    summaryFailedAtMs: null,
    steps: [],
    mayLinger: true,
  };
  await using summary = new BackgroundSummary(deps, serving);
  using watch = await SessionWatch.open(deps.live, serving, runId, deps.sessions);
  const { lingerMs } = resolveServing(deps.deployment.serving);
  const until = Date.now() + SERVE_MS;
  const mustReturn = (): boolean => !lingers || watch.isLeaving || !serving.mayLinger;
  await adoptCopy(deps, serving);
  const first = await takeFirst(deps, serving, watch, runId);
  if (first === 'superseded') return { kind: 'continue', steps: [], ended: 0 };
  const { isHeld, next: firstRun } = first;
  const isAsked = firstRun?.runId === runId;
  /** Of the run that the activity was called for: a worker that starts a run or takes it over sends no trace along. */
  const recorded = isAsked ? firstRun.traceparent : null;
  const served = await serveRuns({
    // Wakes may arrive in another order than that of the runs.
    firstRun: async () => (isAsked ? null : firstRun),
    advance: async (run) => {
      if (isHeld) return { kind: 'waiting', dueInMs: await readDueInMs(deps.db, key) };
      const advance = await advanceOrLeave(deps, serving, watch, run, { runId, traceparent: recorded });
      if (advance.kind === 'ended') {
        await handOverIfChild(deps, kind, key);
        if (kind === 'session') saveCopy(deps, serving, false);
      }
      return advance;
    },
    // An activity that has claimed no run is not known to the store as the session's.
    mayLinger: () => kind === 'session' && serving.epoch !== null && Date.now() < until && !mustReturn(),
    nextRun: () => {
      summary.begin();
      return nextRun(deps, serving, watch, lingerMs);
    },
    mustReturn,
    leave: async (options) => {
      const left = await leave(deps, serving, options);
      // After it, so that there is none of a session that was deleted meanwhile.
      const isOver = left.kind === 'left' && left.status !== 'active';
      if (kind === 'session' && !isOver) saveCopy(deps, serving, true);
      return left;
    },
  });
  const { run, ended } = served;
  const { epoch } = serving;
  const about = {
    steps: serving.steps.slice(-STEPS_SHOWN),
    ended,
    ...(run ? { run: openRun(run) } : {}),
    ...(epoch === null ? {} : { epoch }),
  };
  switch (served.kind) {
    case 'returned': {
      const { advance, next } = served;
      if (advance.kind !== 'waiting') return { ...advance, ...about };
      return { ...advance, ...about, ...(next ? { next: openRun(next) } : {}) };
    }
    case 'handedOver':
      return { kind: 'continue', ...about };
    case 'left': {
      const { lastOrdinal, status } = served.left;
      const { advance } = served;
      return { ...advance, session: status === 'active' ? advance.session : status, ...about, lastOrdinal };
    }
  }
}

/** Takes the copy of a conversation that another worker has left in Redis, if this one has not got it. */
async function adoptCopy({ redis, contexts }: ServingDeps, { key }: Serving): Promise<void> {
  if (!redis || contexts.known(key)) return;
  const copy = await redis.contexts.load(key);
  if (copy) contexts.adopt(key, copy);
}

/** Leaves a copy of the conversation for the worker that serves the session next. */
function saveCopy({ redis, contexts }: ServingDeps, { key }: Serving, leaves: boolean): void {
  redis?.contexts.save(key, leaves, () => contexts.copyOf(key, 2 * LIMITS.redisContextBytes.value));
}

/** Hands the end of a child's run over to its parent. Where that fails, upkeep repeats it. */
async function handOverIfChild(deps: ServingDeps, kind: 'session' | 'run', key: SessionKey): Promise<void> {
  if (kind === 'run' && isChildId(key.session)) await handOver(deps, key).catch(() => {});
}

/** Advances a run. A failure ends the serving: Temporal retries the activity, or the workflow ends the run. */
async function advanceOrLeave(
  deps: ServingDeps,
  serving: Serving,
  watch: SessionWatch,
  run: NextRun | null,
  first: Pick<NextRun, 'runId' | 'traceparent'>,
): Promise<RunAdvance> {
  const { runId } = run ?? first;
  const parent = run ? run.traceparent : (deps.telemetry.tracing.traceparent() ?? first.traceparent);
  try {
    return await inSpan(deps, serving, runId, parent, () =>
      countingFailures(deps, runId, () => advanceRun(deps, serving, runId, watch.watchRun(runId))),
    );
  } catch (error) {
    // A store that is away would only delay the failure. Whoever serves the session next replaces the mark.
    const isAway = error instanceof PerdureError && error.code === 'store_unavailable';
    if (!isAway) await leaveSession(deps.db, serving.key, { epoch: epochOf(serving), handsOver: true }).catch(() => {});
    throw run ? aboutRun(error, openRun(run)) : error;
  }
}

/** A span for each run: that of the activity would end only when the session is not served any more. */
function inSpan<T>(
  { telemetry: { tracing } }: ServingDeps,
  { key }: Serving,
  runId: string,
  parent: string | null | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const attributes = {
    'gen_ai.conversation.id': key.session,
    'perdure.run.id': runId,
    'perdure.attempt': activityInfo().attempt,
  };
  return tracing.span('advanceRun', { kind: 'internal', attributes, parent }, work);
}

function openRun({ runId, ordinal, urgent }: NextRun): OpenRun {
  return { runId, ordinal, urgent };
}

/** The next open run; null if none became open within `lingerMs`, or if the activity must return. */
async function nextRun(
  deps: ServingDeps,
  serving: Serving,
  watch: SessionWatch,
  lingerMs: number,
): Promise<NextRun | null> {
  const until = Date.now() + lingerMs;
  while (await watch.linger(Math.max(0, until - Date.now()))) {
    const found = await takeNext(deps, serving, watch);
    if (found) return found.next;
  }
  return null;
}

/** The session's epoch as the activity has seen or set it last; null if it did not exist. */
function epochOf({ epoch, follows }: Serving): number | null {
  return epoch ?? follows;
}

async function leave(
  { db }: ServingDeps,
  serving: Serving,
  options: { readonly handsOver: boolean },
): Promise<LeftSession> {
  const left = await leaveSession(db, serving.key, { epoch: epochOf(serving), ...options });
  if (left.kind === 'superseded') throw workerLeft('Another activity serves the session.');
  return left;
}

/** A final failure names its run, because the activity was called for another one. */
function aboutRun(error: unknown, run: OpenRun): unknown {
  if (!(error instanceof ApplicationFailure) || !error.nonRetryable) return error;
  const details = { ...(error.details?.[0] as object | undefined), run };
  return ApplicationFailure.create({
    message: error.message,
    nonRetryable: true,
    details: [details],
    ...(error.type ? { type: error.type } : {}),
    ...(error.cause ? { cause: error.cause } : {}),
  });
}
