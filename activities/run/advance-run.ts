import { ApplicationFailure } from '@temporalio/activity';
import type { AgentVersion } from '../../contracts/agent.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { ToolCallRecord } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { resolvePolicy } from '../../core/policy.ts';
import type { StepDigest } from '../../core/session/session-details.ts';
import { placeTool } from '../../core/tools/tool-placement.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { endRun } from '../../store/runs/end-run.ts';
import { finishTools, type ToolResult } from '../../store/runs/finish-tools.ts';
import { startTool } from '../../store/runs/start-tool.ts';
import type { Advance, ToolTask } from '../shared/contract.ts';
import type { ClaimedCall } from '../tools/call-tool.ts';
import { callingSession } from '../shared/calling-session.ts';
import type { ContextCache } from './context-cache.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { heartbeat } from '../shared/heartbeat.ts';
import { nextPosition } from './next-position.ts';
import { pinnedAgent } from '../shared/pinned-agents.ts';
import { runToolsInPlace } from '../tools/run-tools-in-place.ts';
import { StepStream } from '../shared/step-stream.ts';
import { Stopped, watchForStop } from '../shared/stop-watch.ts';
import { takeStep } from './take-step.ts';

/** After this long an activity hands back between two steps, so that none lives for hours. */
const SLICE_MS = 4 * 60_000;

interface Advancing {
  readonly key: SessionKey;
  readonly runId: string;
  readonly stream: StepStream;
  readonly signal: AbortSignal;
  readonly steps: StepDigest[];
  readonly contexts: ContextCache;
}

/** Takes a run as far as it goes without a decision of the workflow: see "A turn" in ARCHITECTURE.md. */
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
    if (error.why.kind === 'leave') throw leaving(error);
    const end = { status: 'cancelled', reason: error.why.reason } as const;
    const { status, session, events } = await endRun(deps.db, key, { runId, end, partial: null, failSession: false });
    publishAppended(deps, key, events);
    return { kind: 'ended', status, session, steps: run.steps };
  }
}

async function advance(deps: ActivityDeps, run: Advancing): Promise<Advance> {
  const { key, steps } = run;
  const until = Date.now() + SLICE_MS;
  // Of tools that have just run in place: committed with the beginning of the next step.
  let results: readonly ToolResult[] = [];
  for (;;) {
    const position = await nextPosition(deps, run, results);
    results = [];
    if (position.kind === 'ended') return { kind: 'ended', status: position.status, session: position.session, steps };
    const agent = await pinnedAgent(deps, position.agentVersion);
    recordAgent(deps, key, agent);
    const policy = resolvePolicy(deps.deployment.policy, agent.spec.policy, position.policy);
    if (position.kind === 'tools') {
      const own = await goOnWithTools(deps, { ...run, agent }, position.calls, policy);
      if (own.length > 0) return { kind: 'tools', tools: own, steps };
      continue;
    }
    const step = await takeStep(deps, { ...run, position, agent });
    // Claiming yet another attempt would take the step from the one that has it now, and so on without an end.
    if (step.kind === 'stale') throw leaving(new Error('Another attempt has this step, or the run has ended.'));
    steps.push(step.digest);
    if (step.ended) return { kind: 'ended', status: 'completed', session: null, steps };
    results = await runToolsInPlace(deps, { ...run, agent }, step.inPlace);
    const handsBack = step.own.length > 0 || steps.length >= policy.stepsPerActivity || Date.now() > until;
    if (!handsBack) continue;
    await recordResults(deps, run, results);
    return step.own.length > 0 ? { kind: 'tools', tools: step.own, steps } : { kind: 'continue', steps };
  }
}

/** Calls left open by an earlier attempt or slice: the quick ones are run again here, the others are the workflow's to schedule. */
async function goOnWithTools(
  deps: ActivityDeps,
  run: Advancing & { readonly agent: AgentVersion },
  calls: readonly ToolCallRecord[],
  policy: { readonly stepsPerActivity: number },
): Promise<ToolTask[]> {
  const own: ToolTask[] = [];
  const claimed: ClaimedCall[] = [];
  for (const { callId, tool } of calls) {
    const spec = run.agent.tools.find(({ name }) => name === tool);
    if (spec && (placeTool(spec, policy) === 'own-activity' || !deps.agents.tool(tool))) {
      own.push({ callId, tool, timeoutMs: spec.timeoutMs });
      continue;
    }
    const claim = await startTool(deps.db, run.key, {
      runId: run.runId,
      callId,
      idempotent: spec?.idempotent ?? false,
    });
    publishAppended(deps, run.key, claim.events);
    if (claim.claim === 'run') claimed.push({ ...claim, callId });
  }
  await recordResults(deps, run, await runToolsInPlace(deps, run, claimed));
  return own;
}

async function recordResults(
  deps: ActivityDeps,
  { key, runId }: Advancing,
  results: readonly ToolResult[],
): Promise<void> {
  if (results.length === 0) return;
  publishAppended(deps, key, (await finishTools(deps.db, key, { runId, results })).events);
}

function recordAgent({ telemetry: { events, tracing } }: ActivityDeps, key: SessionKey, { spec }: AgentVersion): void {
  events.setAgent(key, spec.name);
  const span = tracing.activeSpan();
  span.rename(`invoke_agent ${spec.name}`);
  span.setAttributes({ 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': spec.name });
}

/** Its session was deleted meanwhile: another try would find no more. */
function isNotFound(error: unknown): error is PerdureError {
  return error instanceof PerdureError && error.code === 'not_found';
}

/** Not the run's fault: the next try follows at once, on whichever worker is there. */
function leaving(cause: Error): ApplicationFailure {
  return ApplicationFailure.create({ type: 'worker_left', message: cause.message, nextRetryDelay: 100 });
}
