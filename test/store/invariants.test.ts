import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { PerdureError } from '../../contracts/errors.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import { endsRun } from '../../contracts/events/event-traits.ts';
import type { RunStatus, ToolCallRecord } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { commitAdmissions } from '../../store/admission/commit-admissions.ts';
import { archiveSession } from '../../store/sessions/archive-session.ts';
import { beginStep } from '../../store/steps/begin-step.ts';
import type { KnownRun } from '../../store/steps/known-run.ts';
import type { CachedPosition } from '../../store/runs/load-new-events.ts';
import { leaveSession } from '../../store/serving/leave-session.ts';
import { loadNextRun } from '../../store/serving/load-next-run.ts';
import type { ClaimedStep } from '../../store/steps/run-position.ts';
import { commitStep } from '../../store/steps/commit-step.ts';
import type { Db } from '../../store/db/db.ts';
import { commitRunEnd } from '../../store/runs/commit-run-end.ts';
import { commitSessionEnd } from '../../store/sessions/commit-session-end.ts';
import { finishTools } from '../../store/runs/finish-tools.ts';
import { restingSession } from '../../store/log/resting-session.ts';
import { versionOf } from '../../store/log/lock-session.ts';
import { runRecordOf } from '../../store/runs/records.ts';
import { listRuns } from '../../store/read/list-runs.ts';
import { readEvents } from '../../store/read/read-events.ts';
import { readRun } from '../../store/read/read-run.ts';
import { readSession } from '../../store/read/read-session.ts';
import { requeueRun } from '../../store/sessions/requeue-run.ts';
import { startTool } from '../../store/runs/start-tool.ts';
import { DATABASES, describeStores } from '../support/store/databases.ts';
import { admission, call, newKey, pin, replyTo } from './conversation.ts';

/** What the driver of a run keeps between operations. It may be outdated. */
type Claim = {
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  readonly throughSeq: number;
  readonly claimed: ClaimedStep;
};
interface World {
  readonly db: Db;
  readonly key: SessionKey;
  readonly runs: string[];
  /** Ordinals assigned to resumed runs. */
  readonly resumed: Map<string, Set<number>>;
  readonly claims: Claim[];
  readonly known: KnownRun[];
  /** The position of a worker's cache after the last commit of a step. */
  cached: CachedPosition | null;
  readonly calls: { readonly runId: string; readonly callId: string }[];
}

const pick = fc.nat();
const at = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)];
const send = fc.record({
  op: fc.constant('send' as const),
  id: fc.nat(30),
  how: fc.constantFrom('enqueue', 'steer', 'interrupt', 'reject'),
});
const begin = fc.record({ op: fc.constant('begin' as const), run: pick, known: fc.option(pick), serves: fc.boolean() });
const load = fc.record({ op: fc.constant('load' as const), isCached: fc.boolean() });
const commit = fc.record({
  op: fc.constant('commit' as const),
  claim: pick,
  calls: fc.nat(2),
  inPlace: fc.boolean(),
  idempotent: fc.boolean(),
  refused: fc.boolean(),
});
const startCall = fc.record({ op: fc.constant('start' as const), call: pick, idempotent: fc.boolean() });
const finish = fc.record({
  op: fc.constant('finish' as const),
  call: pick,
  status: fc.constantFrom('completed', 'failed', 'unknown', 'cancelled'),
});
const end = fc.record({
  op: fc.constant('end' as const),
  run: pick,
  claim: pick,
  fail: fc.boolean(),
  failSession: fc.boolean(),
});
const resume = fc.record({ op: fc.constant('resume' as const), run: pick });
const turn = fc.record({ op: fc.constant('turn' as const), id: fc.nat(30), serves: fc.boolean() });
const leave = fc.record({ op: fc.constant('leave' as const), handsOver: fc.boolean() });
const close = fc.record({ op: fc.constantFrom('endSession' as const, 'archive' as const) });
const anyOperation = fc.oneof(
  { arbitrary: send, weight: 5 },
  { arbitrary: begin, weight: 6 },
  { arbitrary: load, weight: 3 },
  { arbitrary: commit, weight: 6 },
  { arbitrary: startCall, weight: 3 },
  { arbitrary: finish, weight: 3 },
  { arbitrary: end, weight: 2 },
  { arbitrary: resume, weight: 1 },
  { arbitrary: turn, weight: 4 },
  { arbitrary: leave, weight: 3 },
  { arbitrary: close, weight: 1 },
);
type Operation = typeof anyOperation extends fc.Arbitrary<infer T> ? T : never;

async function perform(world: World, operation: Operation): Promise<PerdureEvent[]> {
  const { db, key } = world;
  const runId = 'run' in operation ? at(world.runs, operation.run) : undefined;
  switch (operation.op) {
    case 'send': {
      const message = { id: `m${operation.id}`, content: 'x', whileRunning: operation.how as 'steer' };
      const { results, events } = await commitAdmissions(db, key, admission({ messages: [message] }));
      for (const result of results) if (result.ok && result.run && !result.duplicate) world.runs.push(result.run.runId);
      return events;
    }
    case 'begin': {
      const known = operation.known === null ? undefined : at(world.known, operation.known);
      const id = known?.loaded.run.run_id ?? runId;
      if (!id) return [];
      const server = operation.serves ? { workerId: 'worker', epoch: null } : undefined;
      const position = await beginStep(db, key, {
        runId: id,
        pin,
        server,
        ...(known && { known, cached: cachedOf(known) }),
      });
      if (position.kind === 'model') world.claims.push({ runId: id, ...position });
      return position.events;
    }
    case 'load': {
      const next = await loadNextRun(db, key, operation.isCached ? world.cached : null);
      if (next) world.known.push(next.known);
      return [];
    }
    case 'commit': {
      const claim = at(world.claims, operation.claim);
      if (!claim) return [];
      const { inPlace, idempotent } = operation;
      const toolCalls = Array.from({ length: operation.calls }, (_, index) =>
        call(`${claim.step}-${claim.attempt}-${index}`, {
          inPlace,
          idempotent,
          refused: operation.refused ? 'no' : null,
        }),
      );
      const committed = await commitStep(db, key, replyTo(claim.runId, claim, { toolCalls }));
      if (committed.outcome === 'stale') return [];
      world.calls.push(...toolCalls.map(({ callId }) => ({ runId: claim.runId, callId })));
      if (committed.next) world.known.push(committed.next);
      const last = committed.events.at(-1);
      const { createdAt } = claim.claimed.session;
      if (last) world.cached = { createdAt, throughSeq: last.seq, throughAt: last.at };
      return committed.events;
    }
    case 'start': {
      const open = at(world.calls, operation.call);
      return open
        ? (await startTool(db, key, { ...open, idempotent: operation.idempotent, maxAttempts: 2 })).events
        : [];
    }
    case 'finish': {
      const open = at(world.calls, operation.call);
      if (!open) return [];
      const { status } = operation;
      const outcome =
        status === 'completed'
          ? { status: 'completed' as const, result: 1 }
          : { status: status as 'failed', error: 'x' };
      return (
        await finishTools(db, key, { runId: open.runId, results: [{ callId: open.callId, outcome, durationMs: 1 }] })
      ).events;
    }
    case 'end': {
      if (!runId) return [];
      const claim = at(
        world.claims.filter((one) => one.runId === runId),
        operation.claim,
      );
      const partial = claim
        ? { ...claim, text: 'half', reasoning: '', model: 'one', firstTokenMs: null, durationMs: 1 }
        : null;
      const how = operation.fail
        ? ({ status: 'failed', error: { code: 'model_unavailable', detail: 'x' } } as const)
        : ({ status: 'cancelled', reason: 'cancelled' } as const);
      return (await commitRunEnd(db, key, { runId, end: how, partial, failSession: operation.failSession })).events;
    }
    case 'turn':
      return [
        ...(await perform(world, { op: 'send', id: operation.id, how: 'enqueue' })),
        ...(await answerNext(world, operation.serves)),
      ];
    case 'leave':
      await leaveSession(db, key, { epoch: null, handsOver: operation.handsOver });
      return [];
    case 'resume':
      return runId ? await tryToResume(world, runId) : [];
    case 'endSession':
      return world.runs.length > 0 ? (await commitSessionEnd(db, key, { status: 'failed', reason: null })).events : [];
    case 'archive':
      return world.runs.length > 0 ? await archiveAndRestore(world) : [];
  }
}

/** Answers the next run as a server does, on what it knows. */
async function answerNext(world: World, serves: boolean): Promise<PerdureEvent[]> {
  await perform(world, { op: 'load', isCached: true });
  const begun = await perform(world, { op: 'begin', run: 0, known: Math.max(0, world.known.length - 1), serves });
  const committed = await perform(world, {
    op: 'commit',
    claim: Math.max(0, world.claims.length - 1),
    calls: 0,
    inPlace: false,
    idempotent: true,
    refused: false,
  });
  return [...begun, ...committed];
}

/** The position of a cache that has the conversation up to where the known run has it. */
function cachedOf({ session, loaded: { since, headAt } }: KnownRun): CachedPosition | null {
  return since === 0 ? null : { createdAt: session.createdAt, throughSeq: since, throughAt: headAt ?? '' };
}

/** Restores an archived session with a new message, because its rows cannot be read before. A refused message would not. */
async function archiveAndRestore(world: World): Promise<PerdureEvent[]> {
  const { events } = await archiveSession(world.db, world.key);
  return [...events, ...(await perform(world, { op: 'send', id: 100 + world.runs.length, how: 'enqueue' }))];
}

async function tryToResume({ db, key, resumed }: World, runId: string): Promise<PerdureEvent[]> {
  try {
    const { openRuns, events } = await requeueRun(db, key, { runId, execution: null });
    resumed.set(runId, new Set([...(resumed.get(runId) ?? []), ...openRuns.map(({ ordinal }) => ordinal)]));
    return events;
  } catch (error) {
    if (error instanceof PerdureError) return [];
    throw error;
  }
}

/** Returns the violated invariants of a session, given all events that the operations returned. */
async function problemsIn({ db, key, resumed }: World, returned: readonly PerdureEvent[]): Promise<string[]> {
  const { events } = await readEvents(db, key, { after: 0, limit: 1_000 });
  const session = await readSession(db, key);
  const { data: runs } = await listRuns(db, key, { limit: 200 });
  const holds: Record<string, boolean> = {
    'what was returned is what is stored': JSON.stringify(events) === JSON.stringify(returned),
    'seq has no gap': events.every((event, index) => event.seq === index + 1),
    'the head is the newest event': (session?.head ?? 0) === events.length,
    'runs are counted': (session?.runs ?? 0) === runs.length,
  };
  for (const { id, status } of runs) {
    const ofRun = events.filter(
      (event) => 'runId' in event && event.runId === id && !event.type.startsWith('session.'),
    );
    const detail = await readRun(db, key, id);
    Object.assign(
      holds,
      runHolds(ofRun, status, resumed.get(id)?.size ?? 0),
      callsHold(ofRun, status, detail?.toolCalls ?? []),
    );
    holds['the steps are counted'] = detail?.steps === ofRun.filter(({ type }) => type === 'message.completed').length;
    const broken = problems(holds);
    if (broken.length > 0) return broken;
  }
  return problems(holds);
}

/** How what is remembered of a session that rests differs from what the store has. */
async function differencesOfMemory({ db, key }: World): Promise<string[]> {
  const resting = restingSession(db, key);
  if (!resting) return [];
  const { session, ended, admitted } = resting;
  const run = ended ?? admitted?.run;
  const stored = run && (await readRun(db, key, run.run_id));
  const { data: runs } = await listRuns(db, key, { limit: 200 });
  const open = runs.filter(({ status }) => !isOver(status)).map(({ id }) => id);
  const { events } = await readEvents(db, key, { after: (admitted?.events[0]?.seq ?? 1_000) - 1, limit: 1_000 });
  const [{ version } = { version: null }] = await db.query<{ version: string }>(
    `SELECT ${versionOf('s')} AS version FROM perdure.sessions s WHERE user_id = $1 AND session_id = $2`,
    [key.user, key.session],
  );
  return problems({
    'the version is the same': session.version === version,
    'the head is the same': session.row.head === (await readSession(db, key))?.head,
    'the run is the same': !run || isDeepStrictEqual(runRecordOf(run), pickOf(stored, runRecordOf(run))),
    'no other run is open': isDeepStrictEqual(open, admitted ? [admitted.run.run_id] : []),
    'the events are the same': !admitted || isDeepStrictEqual(events, [...admitted.events]),
  });
}

function pickOf(from: object | null | undefined, like: object): object {
  return Object.fromEntries(Object.entries(from ?? {}).filter(([name]) => name in like));
}

function problems(holds: Record<string, boolean>): string[] {
  return Object.keys(holds).filter((name) => !holds[name]);
}

function isOver(status: RunStatus): boolean {
  return status !== 'queued' && status !== 'running';
}

function runHolds(ofRun: readonly PerdureEvent[], status: RunStatus, resumes: number): Record<string, boolean> {
  const ends = ofRun.filter((event) => endsRun(event.type));
  const replies = ofRun.flatMap((event) => (event.type === 'message.completed' ? [event.step] : []));
  return {
    'a run has one end each time it ends': ends.length === resumes + (isOver(status) ? 1 : 0),
    'nothing comes after the end': !isOver(status) || ofRun.at(-1)?.type === `run.${status}`,
    'a completed run is not resumed': ends.slice(0, -1).every((event) => event.type !== 'run.completed'),
    'each step has one reply, in order': replies.every((step, index) => step === index + 1),
  };
}

function callsHold(
  ofRun: readonly PerdureEvent[],
  status: RunStatus,
  calls: readonly ToolCallRecord[],
): Record<string, boolean> {
  const results = ofRun.flatMap((event) => ('callId' in event && event.type !== 'tool.called' ? [event.callId] : []));
  const closed = calls.filter((one) => one.status !== 'pending' && one.status !== 'running');
  return {
    'a call has at most one result': new Set(results).size === results.length,
    'a call has its result when the run is over': !isOver(status) || results.length === calls.length,
    'the read model knows the results': closed.length === results.length,
  };
}

describeStores(DATABASES, (db) => {
  test('whatever happens in whatever order, seq has no gap, each call one result, each run one end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyOperation, { minLength: 10, maxLength: 40 }), async (operations) => {
        const world: World = {
          db: db(),
          key: newKey(),
          runs: [],
          resumed: new Map(),
          claims: [],
          known: [],
          cached: null,
          calls: [],
        };
        const returned: PerdureEvent[] = [];
        for (const one of operations) {
          returned.push(...(await perform(world, one)));
          expect(await differencesOfMemory(world)).toEqual([]);
        }
        expect(await problemsIn(world, returned)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
