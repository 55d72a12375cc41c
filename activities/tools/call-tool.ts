import type { ToolSpec } from '../../contracts/agent.ts';
import type { Json } from '../../contracts/json.ts';
import { backoffMs } from '../../core/backoff.ts';
import { describePause } from '../../core/pauses/describe-pause.ts';
import { pauseOf } from '../../core/pauses/find-pause.ts';
import { toolRetry } from '../../core/tools/tool-retry.ts';
import type { ToolOutcome } from '../../store/runs/close-call.ts';
import { toolCode } from '../shared/tool-code.ts';
import { callingSession } from '../shared/calling-session.ts';
import { attributeErrors } from '../../telemetry/uncaught-errors.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import type { ClaimedCall, SuspendableExecution, ToolRun } from './claimed-call.ts';
import type { AttemptOutcome } from './execute-tool.ts';
import { executeAttempt } from './execute-attempt.ts';
import { startWorkflowFor } from './start-workflow.ts';
import { saveToolFile } from './save-tool-file.ts';
import { toolMemories } from './tool-memories.ts';
import { toolState } from './tool-state.ts';

/** What an attempt means for its call. */
export type CallProgress =
  /** The call has its outcome. */
  | { readonly kind: 'outcome'; readonly outcome: ToolOutcome; readonly durationMs: number }
  /** The attempt failed; the next one may start after `delayMs`. */
  | { readonly kind: 'retry'; readonly delayMs: number; readonly error: string; readonly durationMs: number }
  /** The signal was aborted. The cancel closes the call. */
  | { readonly kind: 'stopped' };

/** Makes one attempt of a claimed call. `execution`: what executes it, if that is not the code of its tool. Never rejects. */
export async function callTool(
  deps: ActivityDeps,
  run: ToolRun,
  call: ClaimedCall,
  execution?: SuspendableExecution | null,
): Promise<CallProgress> {
  const { key: session, runId, stream, signal } = run;
  const { callId, step, attempt, idempotencyKey } = call;
  const spec = run.agent.tools.find(({ name }) => name === call.tool);
  const tool = toolCode(deps, run.agent, call.tool);
  if (!tool || !spec) {
    const error = `This worker has no code for the tool ${JSON.stringify(call.tool)}.`;
    return { kind: 'outcome', outcome: { status: 'failed', error }, durationMs: 0 };
  }
  const pause = pauseOf(deps.pauses.current, 'tool', call.tool);
  if (pause?.refuse === true) {
    return { kind: 'outcome', outcome: { status: 'failed', error: describePause(pause) }, durationMs: 0 };
  }
  const startedAt = performance.now();
  const progress = (value: Json) => stream.progress(step, callId, call.tool, value);
  const sessionAccess = {
    ...toolState(deps, session, tool),
    memories: toolMemories(deps, session, runId),
    startWorkflow: startWorkflowFor(deps, { ...call, workflowId: callingSession().workflowId, session, runId }),
  };
  const context = { session, runId, step, callId, idempotencyKey, attempt, ...sessionAccess, progress };
  const isSuspended = (): boolean => (execution?.waitsFor().length ?? 0) > 0;
  const { tracing } = deps.telemetry;
  const attributes = {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': call.tool,
    ...(spec.mcp ? { 'perdure.mcp.server': spec.mcp.server } : {}),
    'perdure.run.id': runId,
    'perdure.step': step,
    'perdure.attempt': attempt,
  };
  const outcome = await tracing.span(`execute_tool ${call.tool}`, { kind: 'internal', attributes }, async (span) => {
    const saveFile = saveToolFile(deps, { user: session.user, idempotencyKey });
    const executed = execution ? { ...tool, execute: execution.code } : tool;
    const timeoutMs = execution?.timeoutMs ?? spec.timeoutMs;
    const given = { tool: executed, args: call.arguments, signal, timeoutMs, context, saveFile };
    const result = await attributeErrors(uncaughtReporter(deps, run, call), () =>
      executeAttempt(deps, run, call, given),
    );
    // What is suspended has not failed.
    if (result.status !== 'completed' && !isSuspended()) span.fail(result.status);
    return result;
  });
  const workedMs = performance.now() - startedAt - (execution?.waitedMs?.() ?? 0);
  const durationMs = Math.max(0, Math.round(workedMs * 10) / 10);
  const { toolSeconds, retries } = deps.telemetry.metrics;
  const errorType = outcome.status === 'completed' ? '' : outcome.status;
  if (!isSuspended()) toolSeconds.record({ gen_ai_tool_name: call.tool, error_type: errorType }, durationMs / 1_000);
  if (attempt > 1) retries.add({ source: 'tool' });
  return progressAfter(outcome, spec, attempt, durationMs);
}

/** Returns a function that logs and counts an error which the tool's code leaves uncaught, such as a rejection that it does not await. */
function uncaughtReporter(
  { telemetry: { log, metrics } }: ActivityDeps,
  { key, runId }: ToolRun,
  { tool, step, attempt }: ClaimedCall,
): (error: unknown) => void {
  return (error) => {
    metrics.uncaughtErrors.add({ tool });
    log.error('Uncaught error of a tool', { session: key.session, run: runId, step, tool, attempt, error });
  };
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
    case 'unknown':
      return { kind: 'outcome', outcome: result, durationMs };
    case 'timed-out': {
      const error = `The tool timed out after ${spec.timeoutMs} ms.`;
      if (!spec.idempotent) return { kind: 'outcome', outcome: { status: 'unknown', error }, durationMs };
      return failed(error, true);
    }
    case 'cancelled':
      return { kind: 'stopped' };
  }
}
