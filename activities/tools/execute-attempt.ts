import type { ToolHookCall } from '../../agents/middleware/middleware.ts';
import type { Json } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { composeHooks, type Hook } from '../../core/middleware/compose-hooks.ts';
import { readRun } from '../../store/read/read-run.ts';
import { agentMiddleware, type AgentMiddleware } from '../middleware/agent-middleware.ts';
import { callHook } from '../middleware/call-hook.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import type { ClaimedCall, ToolRun } from './claimed-call.ts';
import { describeThrown } from './describe-thrown.ts';
import { executeTool, type AttemptOutcome, type ToolAttempt } from './execute-tool.ts';
import { toolJson } from './tool-json.ts';

/** Executes one attempt of a tool call through the `tool` hooks of the run's agent. Never rejects. */
export async function executeAttempt(
  deps: ActivityDeps,
  run: ToolRun,
  call: ClaimedCall,
  attempt: ToolAttempt,
): Promise<AttemptOutcome> {
  let middleware: readonly AgentMiddleware[];
  try {
    middleware = agentMiddleware(deps.agents, run.agent).filter(({ tool }) => tool !== null);
  } catch (error) {
    return { status: 'failed', error: describeThrown(error).message, retryable: true };
  }
  if (middleware.length === 0) return await executeTool(attempt);
  return await throughHooks(deps, run, call, attempt, middleware);
}

/** What the tool did in this attempt, to which hooks cannot add anything. */
class ToolFailure extends Error {
  override readonly name = 'ToolFailure';
  readonly outcome: Exclude<AttemptOutcome, { status: 'completed' }>;
  readonly retryable: boolean;

  constructor(outcome: ToolFailure['outcome'], message: string) {
    super(message);
    this.outcome = outcome;
    this.retryable = outcome.status === 'failed' ? outcome.retryable : outcome.status === 'timed-out';
  }
}

async function throughHooks(
  deps: ActivityDeps,
  run: ToolRun,
  claimed: ClaimedCall,
  attempt: ToolAttempt,
  middleware: readonly AgentMiddleware[],
): Promise<AttemptOutcome> {
  const { tool, signal } = attempt;
  /** The last execution of the tool; null before it. */
  let executed: AttemptOutcome | null = null;
  let executing: Promise<unknown> = Promise.resolve();
  const execute = async (args: Json): Promise<Json> => {
    if (executed !== null && !tool.idempotent) throw new Error(notAgain(tool.name));
    // Until it has returned, it may have taken effect.
    executed = { status: 'unknown', error: `The tool ${JSON.stringify(tool.name)} was being executed.` };
    const execution = executeTool({ ...attempt, args });
    executing = Promise.all([executing, execution]);
    const outcome = await execution;
    executed = outcome;
    if (outcome.status === 'completed') return outcome.result;
    throw new ToolFailure(outcome, messageOf(outcome, attempt));
  };
  const call = composeHooks(
    middleware.map((one) => toolHook(deps, run, claimed, one, { idempotent: tool.idempotent, signal })),
    execute,
  );
  const after = (): AttemptOutcome | null => executed;
  try {
    const result = await call(attempt.args);
    // A hook may have left an execution in progress, of which it must be known how it ended.
    await executing;
    return mustStand(after(), tool.idempotent) ?? { status: 'completed', result, ...filesOf(after()) };
  } catch (error) {
    await executing;
    if (signal.aborted) return { status: 'cancelled' };
    const last = after();
    if (error instanceof ToolFailure) return error.outcome;
    const stands = mustStand(last, tool.idempotent);
    if (stands) return stands;
    const { message, retryable } = describeThrown(error);
    if (last !== null && last.status !== 'failed' && !tool.idempotent) {
      return { status: 'unknown', error: `The tool was executed, but middleware failed afterwards: ${message}` };
    }
    return { status: 'failed', error: message, retryable };
  }
}

/** The files of the tool's result, which a hook returns as references. */
function filesOf(executed: AttemptOutcome | null): { readonly attachments?: readonly string[] } {
  const { attachments } = executed?.status === 'completed' ? executed : {};
  return attachments === undefined ? {} : { attachments };
}

/** The outcome of a tool that no hook may replace: it may have taken effect, and nothing shows whether. */
function mustStand(executed: AttemptOutcome | null, idempotent: boolean): AttemptOutcome | null {
  if (executed?.status === 'cancelled') return executed;
  return executed?.status === 'timed-out' && !idempotent ? executed : null;
}

function toolHook(
  { db }: ActivityDeps,
  { key: session, runId, agent }: ToolRun,
  { callId, step, attempt, idempotencyKey, tool }: ClaimedCall,
  middleware: AgentMiddleware,
  { idempotent, signal }: { readonly idempotent: boolean; readonly signal: AbortSignal },
): Hook<Json, Json> {
  const { tool: hook, options } = middleware;
  const calls: ToolHookCall['calls'] = async () => (await readRun(db, session, runId))?.toolCalls ?? [];
  const where = { session, runId, step, agent: agent.spec.name, options, tool, callId, idempotencyKey, attempt };
  return async (args, next) => {
    const result = await callHook(middleware, signal, (running) => {
      const call = { ...where, arguments: structuredClone(args), idempotent, calls, signal: running.signal };
      return hook?.(call, (changed) => running.outside(() => next(changed === undefined ? args : changed)));
    });
    const json = toolJson(result, LIMITS.toolResultBytes.value);
    if ('value' in json) return json.value;
    throw new Error(`The result that the middleware ${JSON.stringify(middleware.name)} returned is ${json.problem}`);
  };
}

function messageOf(outcome: ToolFailure['outcome'], { timeoutMs, tool }: ToolAttempt): string {
  switch (outcome.status) {
    case 'failed':
    case 'unknown':
      return outcome.error;
    case 'timed-out':
      return `The tool timed out after ${timeoutMs ?? tool.timeoutMs} ms.`;
    case 'cancelled':
      return 'The tool call was cancelled.';
  }
}

function notAgain(name: string): string {
  return `The tool ${JSON.stringify(name)} was executed and is not idempotent, so \`next\` cannot execute it again.`;
}
