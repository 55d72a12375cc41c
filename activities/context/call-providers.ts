import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/activity';
import type { ContextPhase } from '../../contracts/capabilities/context-provider.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { backoffMs } from '../../core/backoff.ts';
import { transcript } from '../../core/conversation/transcript.ts';
import { namespaceOf } from '../../core/session/merge-state.ts';
import { idempotencyKey } from '../../core/tools/idempotency-key.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import {
  beginContextCall,
  recordContextFailure,
  releaseContextCall,
  type ContextCallId,
} from '../../store/context/begin-context-call.ts';
import {
  commitContextCall,
  commitContextPhase,
  type CommitContextCall,
  type ContextCommit,
} from '../../store/context/commit-context-call.ts';
import { readAnsweredRun, type AnsweredRunRow } from '../../store/context/read-answered-run.ts';
import { contributionsIn, readContextCalls } from '../../store/context/read-context-calls.ts';
import type { ContextCallRow } from '../../store/log/rows.ts';
import { readContext } from '../../store/read/read-context.ts';
import { commitWhenStoreIsBack } from '../shared/commit-when-store-is-back.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { hasBackground, providersOf, type CallTime, type ListedProvider } from '../shared/listed-providers.ts';
import { Stopped } from '../shared/stop-watch.ts';
import { workerLeft } from '../shared/worker-left.ts';
import { describeThrown } from '../tools/describe-thrown.ts';
import { toolMemories } from '../tools/tool-memories.ts';
import type { CallAttempt, GivenRun } from './attempt-call.ts';
import type { ContextRun } from './context-run.ts';
import type { RememberedText } from '../../memory/create-memories.ts';
import { noteRemembered, rememberOf } from './remember-of.ts';
import { mcpContributors } from './mcp-contributors.ts';
import { measuredAttempt } from './measured-attempt.ts';
import { patchProviderState } from './provider-state.ts';

/** Between attempts of a provider. */
const RETRY = { maxAttempts: 10, initialIntervalMs: 200, backoffCoefficient: 2, maxIntervalMs: 5_000 };
/** The largest `integer`: no event has a higher `seq`. */
const ALL_EVENTS = 2_147_483_647;

/** What a phase has in common for its providers. */
interface Phase {
  readonly phase: ContextPhase;
  readonly given: Omit<GivenRun, 'attempt' | 'idempotencyKey' | 'generate'>;
  readonly row: AnsweredRunRow;
  readonly state: Parameters<typeof namespaceOf>[0];
}

/**
 * Calls the context providers of a run that have no outcome at this time yet, in the order in which the agent lists them, and
 * commits each outcome. Returns whether the run has ended: after the last `afterRun` that it waits for it is completed. Throws `Stopped`, or a
 * failure that is retried or, before the run has completed, fails it (`context_provider_failed`).
 */
export async function callProviders(deps: ActivityDeps, run: ContextRun, time: CallTime): Promise<boolean> {
  const { key, runId, epoch, agent } = run;
  const phase = time === 'background' ? 'after' : time;
  const { calls, open } = await openCalls(deps, run, time);
  const background = time === 'after' && hasBackground(deps.agents, agent);
  if (open.length === 0) {
    return committed(deps, run, await commitContextPhase(deps.db, key, { runId, phase, epoch, background }));
  }
  const common = await readPhase(deps, run, phase, contributionsIn(calls));
  let ended = false;
  for (const [at, provider] of open.entries()) {
    ended = await callProvider(deps, run, common, provider, { isLast: at === open.length - 1, background });
  }
  return ended;
}

/** Records the calls of a run that are left for the background as skipped. */
export async function skipProviders(deps: ActivityDeps, run: ContextRun, error: string): Promise<void> {
  const { key, runId, epoch } = run;
  const { open } = await openCalls(deps, run, 'background');
  for (const [at, { definition, position }] of open.entries()) {
    const id: ContextCallId = { runId, phase: 'after', provider: definition.name, epoch };
    const attempt = await beginContextCall(deps.db, key, { ...id, position });
    if (attempt === null) throw workerLeft('Another activity calls the context provider.');
    const outcome = { status: 'skipped', error, contribution: null } as const;
    const input = { ...id, attempt, isLast: at === open.length - 1, outcome, workedMs: 0 };
    committed(deps, run, await commitContextCall(deps.db, key, input));
  }
  if (open.length === 0) committed(deps, run, await commitContextPhase(deps.db, key, { runId, phase: 'after', epoch }));
}

/** The calls of a run, and the providers that have no outcome at a time. */
async function openCalls(deps: ActivityDeps, run: ContextRun, time: CallTime) {
  const { key, runId, agent } = run;
  const calls = await readContextCalls(deps.db, key, runId);
  const phase = time === 'background' ? 'after' : time;
  // A run that has failed with a provider was resumed; what has failed in the background stays so.
  const isDone = ({ status }: ContextCallRow): boolean =>
    status === 'completed' || status === 'skipped' || (status === 'failed' && time === 'background');
  const done = new Set(calls.filter((call) => call.phase === phase && isDone(call)).map(({ provider }) => provider));
  const servers = time === 'before' ? mcpContributors(deps, run) : [];
  const listed = [...providersOf(deps.agents, agent, time), ...servers];
  return { calls, open: listed.filter(({ definition }) => !done.has(definition.name)) };
}

async function readPhase(
  deps: ActivityDeps,
  run: ContextRun,
  phase: ContextPhase,
  contributions: GivenRun['contributions'],
): Promise<Phase> {
  const { db, agents } = deps;
  const { key, runId, agent } = run;
  const row = await readAnsweredRun(db, key, runId);
  const { runs } = await readContext(db, key, { runId, runs: 0, throughSeq: ALL_EVENTS });
  if (!row) throw new PerdureError('not_found', `There is no run ${JSON.stringify(runId)}.`);
  const entries = transcript(runs.flatMap(({ events }) => events));
  return {
    phase,
    row,
    state: row.state,
    given: {
      session: key,
      runId,
      agent: agent.spec.name,
      messages: entries.flatMap((entry) =>
        entry.role === 'user' ? [{ id: entry.messageId, content: entry.content }] : [],
      ),
      metadata: row.metadata,
      memories: toolMemories(deps, key, runId),
      folder: agents.folder ?? process.cwd(),
      output: row.output ?? '',
      object: row.object,
      transcript: entries,
      contributions,
    },
  };
}

/** Calls one provider until it has its outcome. Returns whether the run has ended. */
async function callProvider(
  deps: ActivityDeps,
  run: ContextRun,
  common: Phase,
  provider: ListedProvider,
  place: Pick<Call, 'isLast' | 'background'>,
): Promise<boolean> {
  const { key, runId, signal, epoch } = run;
  const { definition, position } = provider;
  const { phase } = common;
  const { name, maxAttempts } = definition;
  const id: ContextCallId = { runId, phase, provider: name, epoch };
  for (let workedMs = 0; ;) {
    signal.throwIfAborted();
    const attempt = await beginContextCall(deps.db, key, { ...id, position });
    if (attempt === null) throw workerLeft('Another activity serves the session.');
    const call: Call = { id, attempt, ...place, provider, workedMs };
    if (attempt > maxAttempts) return await settleFailure(deps, run, call, lost(maxAttempts));
    const startedAt = performance.now();
    const given = {
      ...common.given,
      attempt,
      idempotencyKey: idempotencyKey(key, runId, `\0context ${phase} ${name}`),
      namespace: namespaceOf(common.state, name),
      generate: run.generateFor(deps, run, common.row),
    };
    const result = await measuredAttempt(deps, run, provider, phase, given);
    workedMs += performance.now() - startedAt;
    if (result.status === 'stopped') {
      if (isLeaving(signal)) await releaseContextCall(deps.db, key, { ...id, attempt }).catch(() => {});
      signal.throwIfAborted();
      continue;
    }
    const failure =
      result.status === 'completed' ? await commitResult(deps, run, { ...call, workedMs }, result) : result;
    if (typeof failure === 'boolean') return failure;
    if (!failure.retryable || attempt >= maxAttempts) {
      return await settleFailure(deps, run, { ...call, workedMs }, failure.error);
    }
    await recordContextFailure(deps.db, key, id, { error: storable(failure.error), final: false });
    deps.telemetry.metrics.retries.add({ source: 'context' });
    await delay(backoffMs(RETRY, attempt), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

interface Call {
  readonly id: ContextCallId;
  readonly attempt: number;
  readonly isLast: boolean;
  /** Whether calls in the background follow the phase. */
  readonly background: boolean;
  readonly provider: ListedProvider;
  readonly workedMs: number;
}

type Failure = Extract<CallAttempt, { status: 'failed' | 'timed-out' }>;

/** Commits what a provider returned. Returns a failure if its change of state is not accepted. */
async function commitResult(
  deps: ActivityDeps,
  run: ContextRun,
  call: Call,
  { contribution, state, remember }: Extract<CallAttempt, { status: 'completed' }>,
): Promise<boolean | Failure> {
  let refusal: Failure | null = null;
  let remembered: readonly RememberedText[] = [];
  const outcome: CommitContextCall['outcome'] = {
    status: 'completed',
    contribution,
    state:
      state &&
      ((now) => {
        try {
          return patchProviderState(call.provider.definition, now, state);
        } catch (thrown) {
          const { message, retryable } = describeThrown(thrown);
          refusal = { status: 'failed', error: message, retryable };
          throw thrown;
        }
      }),
    ...(remember.length === 0
      ? {}
      : { also: async (tx) => void (remembered = await rememberOf(deps, run, tx, remember)) }),
  };
  try {
    const ended = await commitOutcome(deps, run, call, outcome);
    await noteRemembered(deps, run, call.id.provider, remembered);
    return ended;
  } catch (error) {
    if (refusal) return refusal;
    if (error instanceof PerdureError && error.code === 'too_large') {
      return { status: 'failed', error: error.message, retryable: false };
    }
    throw error;
  }
}

async function commitOutcome(
  deps: ActivityDeps,
  run: ContextRun,
  { id, attempt, isLast, background, workedMs }: Call,
  outcome: CommitContextCall['outcome'],
): Promise<boolean> {
  const input = { ...id, attempt, isLast, background, outcome, workedMs: Math.round(workedMs * 10) / 10 };
  return committed(
    deps,
    run,
    await commitWhenStoreIsBack(run.signal, () => commitContextCall(deps.db, run.key, input)),
  );
}

function committed(deps: ActivityDeps, { key }: ContextRun, commit: ContextCommit): boolean {
  if (commit.kind === 'stale') throw workerLeft('Another activity has the call or the session, or the run has ended.');
  publishAppended(deps, key, commit.events);
  return commit.ended;
}

/** Leaves the provider out, or throws the failure that ends the run. Names no content. */
async function settleFailure(deps: ActivityDeps, run: ContextRun, call: Call, error: string): Promise<boolean> {
  const { key, runId, agent } = run;
  const { id, attempt, provider } = call;
  const { definition } = provider;
  const isSkipped = definition.onError === 'skip';
  const { log, metrics } = deps.telemetry;
  const outcome = isSkipped ? 'skipped' : 'failed';
  metrics.errors.add({ agent: agent.spec.name, source: 'context', type: outcome });
  log.warn('Context provider failed', { session: key.session, run: runId, provider: id.provider, attempt, outcome });
  if (isSkipped) {
    const contribution = provider.mcp?.whenSkipped ?? null;
    return await commitOutcome(deps, run, call, { status: 'skipped', error: storable(error), contribution });
  }
  // In the background, the run has completed.
  if (run.epoch === null) return await commitOutcome(deps, run, call, { status: 'failed', error: storable(error) });
  await recordContextFailure(deps.db, key, id, { error: storable(error), final: true });
  const attempts = Math.min(attempt, definition.maxAttempts);
  throw ApplicationFailure.create({
    type: 'context_provider_failed',
    message:
      provider.mcp?.failure ??
      `The context provider ${JSON.stringify(id.provider)} failed in ${id.phase}Run (attempt ${attempts} of ${definition.maxAttempts}). \`perdure runs SESSION RUN\` shows its error. Correct the cause, then resume the run or send the message again; with onError "skip", runs continue without it.`,
    nonRetryable: true,
  });
}

function lost(maxAttempts: number): string {
  return `The worker was lost in each of ${maxAttempts} attempts (maxAttempts).`;
}

function storable(error: string): string {
  return error.slice(0, LIMITS.toolErrorCharacters.value).replaceAll('\0', '\uFFFD').toWellFormed();
}

/** Whether the worker leaves the run to others, instead of the run being stopped. */
function isLeaving({ reason }: AbortSignal): boolean {
  return reason instanceof Stopped && reason.why.kind === 'leave';
}
