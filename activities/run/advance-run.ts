import { activityInfo, ApplicationFailure } from '@temporalio/activity';
import type { AgentVersion } from '../../contracts/agent.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { RunStatus, StopReason, ToolCallRecord } from '../../contracts/session/run.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { resolvePolicy } from '../../core/policy.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { commitRunEnd } from '../../store/runs/commit-run-end.ts';
import { finishTools, type ToolResult } from '../../store/runs/finish-tools.ts';
import { readDueInMs } from '../../store/items/load-items.ts';
import { recordRestoredStore } from '../../store/sessions/record-restored-store.ts';
import { startChildren, stopChildren } from '../children/children.ts';
import { callProviders } from '../context/call-providers.ts';
import type { ToolTask } from '../shared/contract.ts';
import { keptText } from '../shared/kept-text.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { callingSession } from '../shared/calling-session.ts';
import { hasBackground } from '../shared/listed-providers.ts';
import { agentOfRun, pinnedAgent, type RunAgent } from '../shared/resolve-agent.ts';
import { Stopped } from '../shared/stop-watch.ts';
import { workerLeft } from '../shared/worker-left.ts';
import type { ClaimedCall } from '../tools/claimed-call.ts';
import { claimTool } from '../tools/claim-tool.ts';
import { executeClaimedCalls } from '../tools/execute-claimed-calls.ts';
import { generateFor } from './background/generate-for-provider.ts';
import { claimNext } from './claim-next.ts';
import type { ContextCache } from './conversation/context-cache.ts';
import { callPlacement } from './call-placement.ts';
import { RunEnded } from './refuse-run.ts';
import { runStep } from './run-step.ts';
import type { Serving, WatchedRun } from './serving.ts';

/** A run that takes longer returns to the workflow after its current step. */
const SLICE_MS = 4 * 60_000;

interface Advancing extends WatchedRun {
  readonly key: SessionKey;
  readonly runId: string;
  readonly serving: Serving;
  readonly contexts: ContextCache;
}

/** Why {@link advanceRun} returned. */
export type RunAdvance =
  /** `reason`: why the run was stopped, if it was. */
  | {
      readonly kind: 'ended';
      readonly status: RunStatus;
      readonly session: SessionStatus | null;
      readonly reason?: StopReason;
    }
  | { readonly kind: 'tools'; readonly tools: readonly ToolTask[] }
  /** `dueInMs`: time until the session's next deadline or reminder; null for none. */
  | { readonly kind: 'waiting'; readonly dueInMs: number | null }
  | { readonly kind: 'continue' };

/** Advances a run until it ends or the workflow has to decide: see "A turn" in ARCHITECTURE.md. */
export async function advanceRun(
  deps: ActivityDeps,
  serving: Serving,
  runId: string,
  watched: WatchedRun,
): Promise<RunAdvance> {
  const { key, contexts } = serving;
  const run: Advancing = { ...watched, key, runId, serving, contexts };
  try {
    return await advance(deps, run);
  } catch (error) {
    if (isNotFound(error)) throw await runNotFound(deps, key, runId, error);
    if (error instanceof RunEnded) return { kind: 'ended', status: error.status, session: error.session };
    if (!(error instanceof Stopped)) throw error;
    if (error.why.kind === 'leave') throw workerLeft(error.message);
    const end = { status: 'cancelled', reason: error.why.reason } as const;
    const { status, session, events } = await commitRunEnd(deps.db, key, {
      runId,
      end,
      partial: null,
      // Of a worker that was lost.
      kept: await keptText(deps, key),
      failSession: false,
    });
    publishAppended(deps, key, events);
    await stopChildren(deps, key, runId, end.reason).catch(() => {});
    return { kind: 'ended', status, session, ...(status === 'cancelled' ? { reason: end.reason } : {}) };
  }
}

async function advance(deps: ActivityDeps, run: Advancing): Promise<RunAdvance> {
  const { key, serving } = run;
  const until = Date.now() + SLICE_MS;
  // The results of tools that ran in place. They are committed together with the claim of the next step.
  let results: readonly ToolResult[] = [];
  let runAgent: RunAgent | null = null;
  for (;;) {
    const position = await claimNext(deps, run, results);
    results = [];
    if (position.kind === 'ended') return { kind: 'ended', status: position.status, session: position.session };
    if (position.kind === 'waiting') return { kind: 'waiting', dueInMs: await readDueInMs(deps.db, key) };
    const pinned = await pinnedAgent(deps, position.agentVersion);
    recordAgent(deps, key, pinned);
    if (position.kind === 'context') {
      const contextRun = { ...run, agent: pinned, epoch: serving.epoch ?? 0, generateFor };
      const ended = await callProviders(deps, contextRun, position.phase);
      if (ended) return completed(deps, serving, pinned);
      continue;
    }
    runAgent ??= await agentOfRun(deps, key, run.runId, pinned);
    const { agent, contributions } = runAgent;
    const policy = resolvePolicy(deps.deployment.policy, agent.spec.policy, position.policy);
    if (position.kind === 'tools') {
      const tools = await resumeTools(deps, { ...run, agent }, position.calls, policy);
      if (tools.length > 0) return { kind: 'tools', tools };
      continue;
    }
    const step = await runStep(deps, { ...run, position, agent, contributions });
    // Claiming another attempt here would take the step from the attempt that has it, which would claim it back, endlessly.
    if (step.kind === 'stale') throw workerLeft('Another attempt has this step, or the run has ended.');
    serving.known = step.next;
    serving.steps.push(step.digest);
    serving.mayLinger = serving.steps.length < policy.stepsPerActivity;
    if (step.startsChildren) await startChildren(deps, key, run.runId).catch(() => {});
    if (step.ended) return completed(deps, serving, pinned);
    results = await executeClaimedCalls(deps, { ...run, agent }, step.inPlace);
    const { ownActivity } = step;
    const returns = ownActivity.length > 0 || !serving.mayLinger || Date.now() > until;
    if (!returns) continue;
    await commitResults(deps, run, results);
    return ownActivity.length > 0 ? { kind: 'tools', tools: ownActivity } : { kind: 'continue' };
  }
}

/** A run has completed, and may have left calls of its context providers for the background. */
function completed(deps: ActivityDeps, { key }: Serving, agent: AgentVersion): RunAdvance {
  if (hasBackground(deps.agents, agent)) void deps.requestBackground({ key, kind: callingSession().kind });
  return { kind: 'ended', status: 'completed', session: null };
}

/** Continues calls that an earlier attempt or activity left open: runs those placed here, and returns those for the workflow to schedule. */
async function resumeTools(
  deps: ActivityDeps,
  run: Advancing & { readonly agent: AgentVersion },
  calls: readonly ToolCallRecord[],
  policy: { readonly stepsPerActivity: number },
): Promise<ToolTask[]> {
  const { key, runId, agent } = run;
  const ownActivity: ToolTask[] = [];
  const claimed: ClaimedCall[] = [];
  for (const { callId, tool, status } of calls) {
    const lost = status === 'running';
    const scope = { agent, agents: deps.agents, policy, pauses: deps.pauses.current };
    const placed = callPlacement(scope, { callId, tool, refused: false, lost });
    if (placed.placement === 'own-activity') {
      ownActivity.push(placed.task);
      continue;
    }
    const { epoch } = run.serving;
    const claim = await claimTool(deps, key, { runId, callId, tool, agent, epoch });
    if (claim.claim === 'run') claimed.push({ ...claim, callId });
  }
  await commitResults(deps, run, await executeClaimedCalls(deps, run, claimed));
  return ownActivity;
}

async function commitResults(
  deps: ActivityDeps,
  { key, runId }: Advancing,
  results: readonly ToolResult[],
): Promise<void> {
  if (results.length === 0) return;
  publishAppended(deps, key, (await finishTools(deps.db, key, { runId, results })).events);
}

/** Labels the session's metrics and the active span with the agent. */
function recordAgent({ telemetry: { tracing }, commits }: ActivityDeps, key: SessionKey, { spec }: AgentVersion): void {
  commits.setAgent(key, spec.name);
  const span = tracing.activeSpan();
  span.rename(`invoke_agent ${spec.name}`);
  span.setAttributes({ 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': spec.name });
}

/** The session was deleted meanwhile, or the store was restored from a backup: a retry would fail in the same way. */
async function runNotFound(
  deps: ActivityDeps,
  key: SessionKey,
  runId: string,
  error: PerdureError,
): Promise<ApplicationFailure> {
  deps.telemetry.log.warn('The store has no such run', { session: key.session, run: runId, code: error.code });
  const knownAt = new Date(activityInfo().scheduledTimestampMs).toISOString();
  publishAppended(deps, key, await recordRestoredStore(deps.db, key, { runId, knownAt }));
  return ApplicationFailure.nonRetryable(error.message, error.code);
}

function isNotFound(error: unknown): error is PerdureError {
  return error instanceof PerdureError && error.code === 'not_found';
}
