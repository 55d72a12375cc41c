import type { AgentVersion, ToolSpec } from '../../contracts/agent.ts';
import type { Json } from '../../contracts/json.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { backoffMs } from '../../core/backoff.ts';
import { toolRetry } from '../../core/tools/tool-retry.ts';
import type { ToolOutcome } from '../../store/runs/close-call.ts';
import { callingSession } from '../shared/calling-session.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { executeTool, type TryOutcome } from './execute-tool.ts';
import { startWorkflowFor } from './start-workflow.ts';
import { toolState } from './tool-state.ts';
import type { StepStream } from '../shared/step-stream.ts';

/** A call that this worker has claimed in the store. */
export interface ClaimedCall {
  readonly callId: string;
  readonly tool: string;
  readonly step: number;
  readonly arguments: Json;
  readonly idempotencyKey: string;
  /** 1 for the first try. */
  readonly attempt: number;
}

export interface CallEnvironment {
  readonly key: SessionKey;
  readonly runId: string;
  readonly agent: AgentVersion;
  readonly stream: StepStream;
  readonly signal: AbortSignal;
}

/** What became of one try of a call. */
export type Tried =
  | { readonly kind: 'outcome'; readonly outcome: ToolOutcome; readonly durationMs: number }
  /** It failed and may be tried again after `delayMs`. */
  | { readonly kind: 'again'; readonly delayMs: number; readonly error: string; readonly durationMs: number }
  /** The run was stopped meanwhile; whoever stops it closes the call. */
  | { readonly kind: 'stopped' };

/** One try of a claimed call. Never rejects. */
export async function callTool(deps: ActivityDeps, env: CallEnvironment, call: ClaimedCall): Promise<Tried> {
  const { key: session, runId, stream, signal } = env;
  const { callId, step, attempt, idempotencyKey } = call;
  const spec = env.agent.tools.find(({ name }) => name === call.tool);
  const tool = deps.agents.tool(call.tool);
  if (!tool || !spec) {
    const error = `This worker has no code for the tool ${JSON.stringify(call.tool)}.`;
    return { kind: 'outcome', outcome: { status: 'failed', error }, durationMs: 0 };
  }
  const began = performance.now();
  const progress = (value: Json) => stream.progress(step, callId, call.tool, value);
  const ofSession = {
    ...toolState(deps, session, tool),
    startWorkflow: startWorkflowFor(deps, { ...call, workflowId: callingSession().workflowId, session, runId }),
  };
  const context = { session, runId, step, callId, idempotencyKey, attempt, ...ofSession, progress };
  const { tracing } = deps.telemetry;
  const attributes = {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': call.tool,
    'perdure.run.id': runId,
    'perdure.step': step,
    'perdure.attempt': attempt,
  };
  const done = await tracing.span(`execute_tool ${call.tool}`, { kind: 'internal', attributes }, async (span) => {
    const ended = await executeTool({ tool, args: call.arguments, signal, timeoutMs: spec.timeoutMs, context });
    if (ended.status !== 'completed') span.fail(ended.status);
    return ended;
  });
  const durationMs = Math.round((performance.now() - began) * 10) / 10;
  const { toolSeconds, retries } = deps.telemetry.metrics;
  const errorType = done.status === 'completed' ? '' : done.status;
  toolSeconds.record({ gen_ai_tool_name: call.tool, error_type: errorType }, durationMs / 1_000);
  if (attempt > 1) retries.add({ source: 'tool' });
  return triedFrom(done, spec, attempt, durationMs);
}

/** What a try's outcome means for its call: whether it has its result, or is tried again. */
function triedFrom(done: TryOutcome, spec: ToolSpec, attempt: number, durationMs: number): Tried {
  const retry = toolRetry(spec);
  const again = attempt < retry.maxAttempts;
  const failed = (error: string, mayRepeat: boolean): Tried =>
    again && mayRepeat
      ? { kind: 'again', delayMs: backoffMs(retry, attempt), error, durationMs }
      : { kind: 'outcome', outcome: { status: 'failed', error }, durationMs };
  switch (done.status) {
    case 'completed':
      return { kind: 'outcome', outcome: done, durationMs };
    case 'failed':
      return failed(done.error, done.retryable);
    case 'timed-out': {
      const error = `The tool took longer than its ${spec.timeoutMs} ms.`;
      if (!spec.idempotent) return { kind: 'outcome', outcome: { status: 'unknown', error }, durationMs };
      return failed(error, true);
    }
    case 'cancelled':
      return { kind: 'stopped' };
  }
}
