import type { AgentVersion, ToolSpec } from '../../contracts/agent.ts';
import type { Json } from '../../contracts/json.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { backoffMs } from '../../core/backoff.ts';
import { toolRetry } from '../../core/tools/tool-retry.ts';
import type { ToolOutcome } from '../../store/runs/close-call.ts';
import { callingSession } from '../shared/calling-session.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { executeTool, type AttemptOutcome } from './execute-tool.ts';
import { startWorkflowFor } from './start-workflow.ts';
import { toolState } from './tool-state.ts';
import type { StepStream } from '../shared/step-stream.ts';

/** A tool call that this worker has claimed in the store. */
export interface ClaimedCall {
  readonly callId: string;
  readonly tool: string;
  readonly step: number;
  readonly arguments: Json;
  readonly idempotencyKey: string;
  /** From 1. */
  readonly attempt: number;
}

/** The run in which tool calls are executed. */
export interface ToolRun {
  readonly key: SessionKey;
  readonly runId: string;
  readonly agent: AgentVersion;
  readonly stream: StepStream;
  readonly signal: AbortSignal;
}

/** What an attempt means for its call. */
export type CallProgress =
  /** The call has its outcome. */
  | { readonly kind: 'outcome'; readonly outcome: ToolOutcome; readonly durationMs: number }
  /** The attempt failed; the next one may start after `delayMs`. */
  | { readonly kind: 'retry'; readonly delayMs: number; readonly error: string; readonly durationMs: number }
  /** The signal was aborted. The cancel closes the call. */
  | { readonly kind: 'stopped' };

/** Makes one attempt of a claimed call. Never rejects. */
export async function callTool(deps: ActivityDeps, run: ToolRun, call: ClaimedCall): Promise<CallProgress> {
  const { key: session, runId, stream, signal } = run;
  const { callId, step, attempt, idempotencyKey } = call;
  const spec = run.agent.tools.find(({ name }) => name === call.tool);
  const tool = deps.agents.tool(call.tool, run.agent.hash);
  if (!tool || !spec) {
    const error = `This worker has no code for the tool ${JSON.stringify(call.tool)}.`;
    return { kind: 'outcome', outcome: { status: 'failed', error }, durationMs: 0 };
  }
  const startedAt = performance.now();
  const progress = (value: Json) => stream.progress(step, callId, call.tool, value);
  const sessionAccess = {
    ...toolState(deps, session, tool),
    startWorkflow: startWorkflowFor(deps, { ...call, workflowId: callingSession().workflowId, session, runId }),
  };
  const context = { session, runId, step, callId, idempotencyKey, attempt, ...sessionAccess, progress };
  const { tracing } = deps.telemetry;
  const attributes = {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': call.tool,
    'perdure.run.id': runId,
    'perdure.step': step,
    'perdure.attempt': attempt,
  };
  const outcome = await tracing.span(`execute_tool ${call.tool}`, { kind: 'internal', attributes }, async (span) => {
    const result = await executeTool({ tool, args: call.arguments, signal, timeoutMs: spec.timeoutMs, context });
    if (result.status !== 'completed') span.fail(result.status);
    return result;
  });
  const durationMs = Math.round((performance.now() - startedAt) * 10) / 10;
  const { toolSeconds, retries } = deps.telemetry.metrics;
  const errorType = outcome.status === 'completed' ? '' : outcome.status;
  toolSeconds.record({ gen_ai_tool_name: call.tool, error_type: errorType }, durationMs / 1_000);
  if (attempt > 1) retries.add({ source: 'tool' });
  return progressAfter(outcome, spec, attempt, durationMs);
}

/** Decides by the attempt's outcome and the tool's retry policy whether the call has its outcome or is retried. */
function progressAfter(result: AttemptOutcome, spec: ToolSpec, attempt: number, durationMs: number): CallProgress {
  const retry = toolRetry(spec);
  const failed = (error: string, retryable: boolean): CallProgress =>
    retryable && attempt < retry.maxAttempts
      ? { kind: 'retry', delayMs: backoffMs(retry, attempt), error, durationMs }
      : { kind: 'outcome', outcome: { status: 'failed', error }, durationMs };
  switch (result.status) {
    case 'completed':
      return { kind: 'outcome', outcome: result, durationMs };
    case 'failed':
      return failed(result.error, result.retryable);
    case 'timed-out': {
      const error = `The tool timed out after ${spec.timeoutMs} ms.`;
      if (!spec.idempotent) return { kind: 'outcome', outcome: { status: 'unknown', error }, durationMs };
      return failed(error, true);
    }
    case 'cancelled':
      return { kind: 'stopped' };
  }
}
