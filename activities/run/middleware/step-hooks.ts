import { z } from 'zod';
import { jsonObjectSchema } from '../../../contracts/json-schema.ts';
import { modelMessageSchema } from '../../../contracts/session/call-context.ts';
import { finishSchema, providerFieldsSchema, toolCallRequestSchema } from '../../../contracts/session/run.ts';
import { MiddlewareError, type FurtherCall, type ModelHookCall } from '../../../agents/middleware/middleware.ts';
import { ModelError, type ModelReply, type ModelRequest } from '../../../models/model-client.ts';
import type { ChangeableRequest } from '../../../models/changed-context.ts';
import { attributeErrors } from '../../../telemetry/uncaught-errors.ts';
import type { AgentMiddleware } from '../../middleware/agent-middleware.ts';
import { callHook, type RunningHook } from '../../middleware/call-hook.ts';
import { FurtherCallError, hookFailure } from '../../middleware/hook-failure.ts';
import type { ActivityDeps } from '../../shared/deps.ts';
import type { StepTask } from '../step-task.ts';
import type { AttemptCalls } from './attempt-calls.ts';

/** An attempt of a step whose agent has middleware. */
export interface HookedAttempt {
  readonly deps: ActivityDeps;
  readonly task: StepTask;
  readonly calls: AttemptCalls;
  /** Ends with the run's working time. */
  readonly signal: AbortSignal;
}

/** Calls a hook of a step. Throws what ends the attempt as it is, and anything else as the error of the model call. */
export async function callStepHook(
  { deps, task, calls, signal }: HookedAttempt,
  middleware: AgentMiddleware,
  hook: (call: ModelHookCall, running: RunningHook) => unknown,
): Promise<unknown> {
  const { key: session, runId, position, agent } = task;
  const { step, attempt, model } = position;
  const { name, options } = middleware;
  const report = (error: unknown): void => {
    deps.telemetry.log.error('Uncaught error of middleware', {
      session: session.session,
      run: runId,
      step,
      attempt,
      error,
    });
  };
  try {
    return await attributeErrors(report, () =>
      callHook(middleware, signal, (running) => {
        const generate = (call: FurtherCall) => running.outside(() => generateFor(calls, name, model, call));
        const where = { session, runId, step, attempt, agent: agent.spec.name, model, options };
        return hook({ ...where, signal: running.signal, generate }, running);
      }),
    );
  } catch (error) {
    if (signal.aborted || calls.ended !== null) throw calls.ended ?? signal.reason;
    throw hookFailure(name, error);
  }
}

/** Checks what a hook returns. `what` follows "returned": `a decision`. */
export function checkedResult<T>({ name }: AgentMiddleware, schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidResult(name, parsed.error, `it returned ${what}`);
}

/** Names the fields, and none of their values. */
function invalidResult(name: string, { issues }: z.ZodError, what: string): ModelError {
  const fields = [...new Set(issues.map(({ path }) => path.join('.')))].filter((path) => path !== '').slice(0, 5);
  const where = fields.length === 0 ? '' : `: check ${fields.join(', ')}`;
  return hookFailure(name, new MiddlewareError(`${what} that is not valid${where}.`));
}

const furtherCallSchema = z.strictObject({
  model: z.string().min(1).max(200).optional(),
  instructions: z.string().optional(),
  messages: z.array(modelMessageSchema).min(1),
  temperature: z.number().min(0).max(2).optional(),
  maxOutputTokens: z.number().int().min(1).optional(),
  outputSchema: jsonObjectSchema.optional(),
});

async function generateFor(
  calls: AttemptCalls,
  name: string,
  stepModel: string,
  call: FurtherCall,
): Promise<ModelReply> {
  const parsed = furtherCallSchema.safeParse(call);
  if (!parsed.success) throw invalidResult(name, parsed.error, 'it made a call of `generate`');
  const { model = stepModel, instructions = '', messages, temperature, maxOutputTokens, outputSchema } = call;
  const request: ModelRequest = {
    model: '',
    instructions,
    messages,
    tools: [],
    toolChoice: 'auto',
    temperature: temperature ?? null,
    maxOutputTokens: maxOutputTokens ?? null,
    reasoningEffort: null,
    ...(outputSchema ? { outputSchema } : {}),
    // The deltas are not used, but their absence shows that the provider does not respond.
    stream: true,
  };
  try {
    return await calls.make({ model, request, isOfStep: false, onDelta: () => {} });
  } catch (error) {
    throw error instanceof ModelError ? new FurtherCallError(model, error) : error;
  }
}

const requestSchema = z.object({
  instructions: z.string(),
  messages: z.array(modelMessageSchema),
  tools: z.array(z.object({ name: z.string().min(1), description: z.string(), parameters: jsonObjectSchema })),
  toolChoice: z.string().min(1),
  temperature: z.number().min(0).max(2).nullable(),
  maxOutputTokens: z.number().int().min(1).nullable(),
  reasoningEffort: z.enum(['minimal', 'low', 'medium', 'high']).nullable(),
  outputSchema: jsonObjectSchema.optional(),
});

/** Checks the request that a hook passes to `next`. Returns it as it is: unchanged parts are recognised by their identity. */
export function checkedRequest(name: string, request: ChangeableRequest): ChangeableRequest {
  const parsed = requestSchema.safeParse(request);
  if (!parsed.success) throw invalidResult(name, parsed.error, 'it called `next` with a request');
  const { instructions, messages, tools, toolChoice, temperature, maxOutputTokens, reasoningEffort, outputSchema } =
    request;
  const parameters = { toolChoice, temperature, maxOutputTokens, reasoningEffort };
  return { instructions, messages, tools, ...parameters, ...(outputSchema ? { outputSchema } : {}) };
}

const replySchema = z.object({
  text: z.string(),
  reasoning: z.string().default(''),
  toolCalls: z.array(toolCallRequestSchema).default([]),
  providerFields: providerFieldsSchema.optional(),
  finish: finishSchema.optional(),
  model: z.string().optional(),
});

/** Checks the reply that a `model` hook returns. Its usage is that of the calls that were made. */
export function checkedReply(middleware: AgentMiddleware, reply: unknown): ModelReply {
  const { finish, model, providerFields, ...rest } = checkedResult(middleware, replySchema, reply, 'a reply');
  return {
    ...rest,
    finish: finish ?? (rest.toolCalls.length > 0 ? 'tool_calls' : 'stop'),
    usage: null,
    model: model ?? middleware.name,
    ...(providerFields ? { providerFields } : {}),
  };
}
