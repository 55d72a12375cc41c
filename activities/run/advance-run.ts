import { ApplicationFailure } from '@temporalio/activity';
import type { AgentVersion } from '../../contracts/agent.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { ToolCallRecord } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { resolvePolicy } from '../../core/policy.ts';
import type { StepDigest } from '../../core/session/session-details.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { commitRunEnd } from '../../store/runs/commit-run-end.ts';
import { finishTools, type ToolResult } from '../../store/runs/finish-tools.ts';
import { startTool } from '../../store/runs/start-tool.ts';
import { callingSession } from '../shared/calling-session.ts';
import type { Advance, ToolTask } from '../shared/contract.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { heartbeat } from '../shared/heartbeat.ts';
import { pinnedAgent } from '../shared/resolve-agent.ts';
import { StepStream } from '../shared/step-stream.ts';
import { Stopped, watchForStop } from '../shared/stop-watch.ts';
import type { ClaimedCall } from '../tools/call-tool.ts';
import { executeClaimedCalls } from '../tools/execute-claimed-calls.ts';
import { claimNext } from './claim-next.ts';
import type { ContextCache } from './context-cache.ts';
import { callPlacement } from './call-placement.ts';
import { runStep } from './run-step.ts';

/** An activity that has run this long returns after its current step, so that activities stay short. */
const SLICE_MS = 4 * 60_000;

interface Advancing {
  readonly key: SessionKey;
  readonly runId: string;
  readonly stream: StepStream;
  readonly signal: AbortSignal;
  readonly steps: StepDigest[];
  readonly contexts: ContextCache;
}

/** Advances a run until it ends or the workflow has to decide: see "A turn" in ARCHITECTURE.md. */
export async function advanceRun(
  deps: ActivityDeps & { readonly contexts: ContextCache },
  { runId }: { readonly runId: string },
): Promise<Advance> {
  const { key } = callingSession();
  using _beat = heartbeat();
  const stream = new StepStream(deps.live, key, runId);
  using watch = await watchForStop(deps.live, key, runId, () => stream.resend());
  const run: Advancing = { key, runId, stream, signal: watch.signal, steps: [], contexts: deps.contexts };
  try {
    return await advance(deps, run);
  } catch (error) {
    if (isNotFound(error)) throw ApplicationFailure.nonRetryable(error.message, error.code);
    if (!(error instanceof Stopped)) throw error;
    if (error.why.kind === 'leave') throw workerLeft(error);
    const end = { status: 'cancelled', reason: error.why.reason } as const;
    const { status, session, events } = await commitRunEnd(deps.db, key, {
      runId,
      end,
      partial: null,
      failSession: false,
    });
    publishAppended(deps, key, events);
    return { kind: 'ended', status, session, steps: run.steps };
  }
}

async function advance(deps: ActivityDeps, run: Advancing): Promise<Advance> {
  const { key, steps } = run;
  const until = Date.now() + SLICE_MS;
  // The results of tools that ran in place. They are committed together with the claim of the next step.
  let results: readonly ToolResult[] = [];
  for (;;) {
    const position = await claimNext(deps, run, results);
    results = [];
    if (position.kind === 'ended') return { kind: 'ended', status: position.status, session: position.session, steps };
    const agent = await pinnedAgent(deps, position.agentVersion);
    recordAgent(deps, key, agent);
    const policy = resolvePolicy(deps.deployment.policy, agent.spec.policy, position.policy);
    if (position.kind === 'tools') {
      const tools = await resumeTools(deps, { ...run, agent }, position.calls, policy);
      if (tools.length > 0) return { kind: 'tools', tools, steps };
      continue;
    }
    const step = await runStep(deps, { ...run, position, agent });
    // Claiming another attempt here would take the step from the attempt that has it, which would claim it back, endlessly.
    if (step.kind === 'stale') throw workerLeft(new Error('Another attempt has this step, or the run has ended.'));
    steps.push(step.digest);
    if (step.ended) return { kind: 'ended', status: 'completed', session: null, steps };
    results = await executeClaimedCalls(deps, { ...run, agent }, step.inPlace);
    const { ownActivity } = step;
    const returns = ownActivity.length > 0 || steps.length >= policy.stepsPerActivity || Date.now() > until;
    if (!returns) continue;
    await commitResults(deps, run, results);
    return ownActivity.length > 0 ? { kind: 'tools', tools: ownActivity, steps } : { kind: 'continue', steps };
  }
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
  for (const { callId, tool } of calls) {
    const placed = callPlacement({ agent, agents: deps.agents, policy }, { callId, tool, refused: false });
    if (placed.placement === 'own-activity') {
      ownActivity.push(placed.task);
      continue;
    }
    const idempotent = agent.tools.find(({ name }) => name === tool)?.idempotent ?? false;
    const claim = await startTool(deps.db, key, { runId, callId, idempotent });
    publishAppended(deps, key, claim.events);
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

/** The session was deleted meanwhile: a retry would fail in the same way. */
function isNotFound(error: unknown): error is PerdureError {
  return error instanceof PerdureError && error.code === 'not_found';
}

/** Not a failure of the run: Temporal retries at once, on any worker. */
function workerLeft(cause: Error): ApplicationFailure {
  return ApplicationFailure.create({ type: 'worker_left', message: cause.message, nextRetryDelay: 100 });
}
